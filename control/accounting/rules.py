"""Making rules of what was asked for, and changing them."""

from datetime import datetime
from typing import Any

from tallygate.control.accounting.amounts import amount, fitting
from tallygate.control.accounting.checks import check_rule
from tallygate.control.accounting.rule_specs import NewRule, RuleFields, RulePatch
from tallygate.control.errors import InvalidError
from tallygate.control.instants import micros
from tallygate.schemas.rules import CalendarWindow, Rule, SlidingWindow

COUNTED = ("metric", "filter", "group_by", "window", "time_zone", "kind", "weeks")
"""What decides which calls are counted where: if it changes, counting begins anew."""
_TELLING = frozenset(
    {
        "name",
        "notify_resolved",
        "muted_until_us",
        "channels",
        "revision",
        "counting_revision",
        "updated_at_us",
    }
)
"""What says who is told and how, not when."""
_AMOUNTS = ("limit", "min_value")
_AS_GIVEN = frozenset(Rule.model_fields) - {"window", "time_zone", *_AMOUNTS}


def new_rule(new: NewRule, rule_id: str, project_zone: str, now: datetime) -> Rule:
    """The rule that was asked for.

    Raises:
        InvalidError: it makes no sense; the message says which value to change.
    """
    defaults: dict[str, Any] = {"time_zone": project_zone}
    if new.kind == "anomaly":
        defaults["window"] = CalendarWindow(period="hour")
    values = defaults | _values(new, new.metric, project_zone)
    if new.kind != "anomaly" and "limit" not in values:
        raise InvalidError(f"is missing: give {fitting('limit', new.metric)}", "limit")
    rule = Rule(rule_id=rule_id, created_at_us=micros(now), updated_at_us=micros(now), **values)
    check_rule(rule)
    return rule


def changed(rule: Rule, patch: RulePatch, project_zone: str, now: datetime) -> Rule:
    """The rule after a change, with its revisions.

    Raises:
        InvalidError: it would make no sense; the message says which value to change.
    """
    metric = patch.metric if "metric" in patch.model_fields_set else rule.metric
    values = _values(patch, metric, project_zone)
    if fitting("limit", metric) != fitting("limit", rule.metric) and "limit" not in values and rule.limit:
        raise InvalidError(f"has to be given anew for this metric, as {fitting('limit', metric)}", "limit")
    after = rule.model_copy(update={**values, "revision": rule.revision + 1})
    check_rule(after)
    differing = {name for name in Rule.model_fields if getattr(rule, name) != getattr(after, name)}
    if differing - _TELLING:
        after = after.model_copy(update={"updated_at_us": micros(now)})
    # While it was off nobody counted.
    anew = not differing.isdisjoint(COUNTED) or (after.enabled and not rule.enabled)
    return recounted(after) if anew else after


def recounted(rule: Rule) -> Rule:
    """The rule, whose counting begins anew."""
    return rule.model_copy(update={"counting_revision": rule.counting_revision + 1})


def _values(spec: RuleFields, metric: str, project_zone: str) -> dict[str, Any]:
    """The rule's fields for what was given."""
    given = {name: getattr(spec, name) for name in spec.model_fields_set}
    values = {name: value for name, value in given.items() if name in _AS_GIVEN}
    if "window" in given:
        window = given["window"]
        kind = CalendarWindow if window.kind == "calendar" else SlidingWindow
        values["window"] = kind.model_validate(window.model_dump())
    if "time_zone" in given:
        values["time_zone"] = given["time_zone"] or project_zone
    if "factor" in given:
        values["factor_percent"] = int(given["factor"] * 100)
    if "muted_until" in given:
        until = given["muted_until"]
        values["muted_until_us"] = None if until is None else micros(until)
    for name in _AMOUNTS:
        if (found := amount(name, metric, given)) is not None:
            values[name] = found
    return values
