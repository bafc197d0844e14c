"""Whether a rule makes sense as a whole: what its parts allow of each other."""

from tallygate.control.errors import InvalidError
from tallygate.schemas.filter_fields import PROPERTY_PREFIX
from tallygate.schemas.filters import Condition, Op
from tallygate.schemas.rules import RATIO_METRICS, Rule

_EDGE_FIELDS = frozenset({"user_id", "key_id", "model", "provider"})
"""What an edge knows of a call before it makes it, besides properties."""


def check_rule(rule: Rule) -> None:
    """Check it.

    Raises:
        InvalidError: the message says what to change.
    """
    _check_limit(rule)
    _check_kind(rule)
    _check_direction(rule)
    if rule.action != "notify":
        _check_enforced(rule)
    _refuse(
        rule.reserve and (rule.action, rule.metric) != ("block", "cost"),
        "reserve",
        ("sets aside what a call may cost, which only a rule on cost with action block can do"),
    )


def _check_limit(rule: Rule) -> None:
    if rule.kind == "anomaly":
        _refuse(rule.limit > 0, "limit", "means nothing for an anomaly: give factor and min_value")
        return
    _refuse(rule.limit == 0, "limit", "must be more than 0")
    too_much = rule.metric in RATIO_METRICS and rule.limit > 10**6
    _refuse(too_much, "limit", "of a part is at most 100 %")


def _check_kind(rule: Rule) -> None:
    calendar = rule.window.kind == "calendar"
    if rule.kind == "projected":
        _refuse(not rule.is_sum, "kind", f"projected needs a metric that adds up; {rule.metric} does not")
        _refuse(not calendar, "window", "must be a calendar window, whose end can be looked ahead to")
    if rule.kind == "anomaly":
        hourly = rule.window.kind == "calendar" and rule.window.period == "hour"
        _refuse(not hourly, "window", "of an anomaly is the calendar hour")
        _refuse(rule.thresholds_percent != (100,), "thresholds_percent", "of an anomaly is its factor alone")


def _check_direction(rule: Rule) -> None:
    if rule.direction == "above":
        return
    _refuse(rule.kind != "threshold", "direction", f"of {rule.kind} is above")
    starts_low = rule.is_sum and rule.window.kind == "calendar"
    _refuse(
        starts_low,
        "direction",
        ("below needs a sliding window: in a calendar window each period begins with a sum of 0"),
    )
    _refuse(rule.thresholds_percent != (100,), "thresholds_percent", "below a limit is the limit alone")


def _check_enforced(rule: Rule) -> None:
    """What edges enforce: sums of a calendar window, over the calls with one label that they know."""
    what = f"action {rule.action}"
    _refuse(rule.kind != "threshold", "action", f"{rule.action} needs kind threshold, not {rule.kind}")
    _refuse(rule.direction == "below", "action", f"{rule.action} needs direction above")
    _refuse(not rule.is_sum, "action", f"{rule.action} needs a metric that adds up; {rule.metric} does not")
    _refuse(rule.window.kind != "calendar", "window", f"must be a calendar window with {what}")
    _refuse(rule.min_requests > 0, "min_requests", f"does not go with {what}")
    if rule.filter is None:
        return
    _refuse(
        bool(rule.group_by),
        "filter",
        (f"does not go with {what} and group_by: an edge looks at one label, so give one of the two"),
    )
    _refuse(
        not _is_one_label(rule),
        "filter",
        (
            f"with {what} must be one condition with eq, on user_id, key_id, model, provider or a property: "
            "an edge knows no more of a call before it makes it"
        ),
    )


def _is_one_label(rule: Rule) -> bool:
    condition = rule.filter
    if not isinstance(condition, Condition) or condition.op is not Op.EQ:
        return False
    return condition.field in _EDGE_FIELDS or condition.field.startswith(PROPERTY_PREFIX)


def _refuse(wrong: bool, param: str, message: str) -> None:
    if wrong:
        raise InvalidError(message, param)
