"""Rules in words."""

from tallygate.control.accounting.amounts import shown
from tallygate.schemas.rules import CalendarWindow, Rule, Window

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def condition(rule: Rule) -> str:
    """When a rule fires: `cost at least $50 in a day, by user`."""
    by = f", by {rule.group_by}" if rule.group_by else ""
    return f"{rule.metric} {_limit(rule)} in {window(rule.window)}{by}"


def window(of: Window) -> str:
    """`a day`, `15m`."""
    if isinstance(of, CalendarWindow):
        return f"an {of.period}" if of.period == "hour" else f"a {of.period}"
    seconds, unit = next((of.seconds // size, unit) for size, unit in _UNITS if of.seconds % size == 0)
    return f"{seconds}{unit}"


def _limit(rule: Rule) -> str:
    if rule.kind == "anomaly":
        return f"{rule.factor_percent / 100:g} times that of the past {rule.weeks} weeks"
    limit = shown(rule.metric, rule.limit)
    if rule.direction == "below":
        return f"below {limit}"
    return f"{'on the way to' if rule.kind == 'projected' else 'at least'} {limit}"
