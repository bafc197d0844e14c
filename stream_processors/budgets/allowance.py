"""What edges are told of budgets that warn or block. Pure."""

from collections.abc import Mapping
from typing import Literal

from tallygate.schemas.filters import Condition
from tallygate.schemas.records import BudgetState
from tallygate.schemas.rules import Rule
from tallygate.stream_processors.budgets.reading import Reading

Scope = Literal["project", "key", "user", "model", "provider", "property"]
_LABELS: dict[str, Scope] = {
    "key": "key",
    "key_id": "key",
    "user": "user",
    "user_id": "user",
    "model": "model",
    "provider": "provider",
}
"""Of a group and of a filter's field."""


def allowance(
    rule: Rule,
    group: str,
    reading: Reading,
    before: BudgetState | None,
    now_us: int,
    applied: Mapping[str, int] | None = None,
) -> BudgetState | None:
    """The state of a group for the edges; None if they need not know: nothing is used up.

    With reservations they need to know what is spent, too. A state that says the same as the one before is
    that one. `applied` says what is counted, of a rule with reservations.
    """
    spent = max(0, reading.value or 0)
    if rule.action == "notify" or (spent < rule.limit and not rule.reserve):
        return None
    marks = dict(applied or {})
    if before is not None and (spent, reading.span.start_us, _said(rule), marks) == (
        before.spent,
        before.period_start_us,
        (before.name, before.limit, before.action),
        before.applied,
    ):
        return before
    scope, value, property_name = scope_of(rule, group)
    return BudgetState(
        budget_id=rule.rule_id,
        name=rule.name,
        project=rule.project,
        group=group,
        scope=scope,
        value=value,
        property_name=property_name,
        limit=rule.limit,
        spent=spent,
        period_start_us=reading.span.start_us,
        period_end_us=reading.span.end_us,
        action=rule.action,
        version=max(now_us, before.version + 1 if before is not None else 0),
        applied=marks,
    )


def scope_of(rule: Rule, group: str) -> tuple[Scope, str, str]:
    """Whose calls a budget is about, which is one label at most: kind, value and name of a property."""
    label, value = rule.group_by, group
    if not label and isinstance(rule.filter, Condition):
        label, value = rule.filter.field, str(rule.filter.value)
    if not label:
        return "project", "", ""
    if label in _LABELS:
        return _LABELS[label], value, ""
    return "property", value, label.partition(".")[2].lower()


def _said(rule: Rule) -> tuple[str, int, str]:
    return rule.name, rule.limit, rule.action
