"""Rules, and the sums that they are judged by."""

from typing import Any

from tallygate.schemas.periods import Span, period_of, slice_of
from tallygate.schemas.rules import CalendarWindow, Rule, RuleBook, SlidingWindow
from tallygate.schemas.totals import RuleTotals

USD = 1_000_000_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
NOON_US = 1_795_608_000 * SECOND_US
"""Wednesday, 2026-11-25 12:00 UTC."""
LONG_AGO_US = NOON_US - 100 * DAY_US


def rule(**fields: Any) -> Rule:
    """A rule of a hundred dollars a day, made long ago."""
    defaults: dict[str, Any] = {
        "rule_id": "rule_1",
        "project": "default",
        "name": "Daily spend",
        "metric": "cost",
        "limit": 100 * USD,
        "created_at_us": LONG_AGO_US,
    }
    return Rule(**(defaults | fields))


def day(**fields: Any) -> CalendarWindow:
    return CalendarWindow(**fields)


def last(seconds: int) -> SlidingWindow:
    return SlidingWindow(seconds=seconds)


def book(*rules: Rule, version: int = 1) -> RuleBook:
    """Rules in force."""
    return RuleBook(version=version, rules={"default": tuple(rules)})


def bucket(of: Rule, at_us: int) -> Span:
    """The bucket of a rule that an instant is in."""
    if of.kind == "anomaly":
        return period_of("hour", of.time_zone, at_us)
    if isinstance(of.window, CalendarWindow):
        return period_of(of.window.period, of.time_zone, at_us)
    return slice_of(of.window.seconds, at_us)


def totals(of: Rule, at_us: int = NOON_US, **fields: Any) -> RuleTotals:
    """What a rule has counted in the bucket that an instant is in."""
    span = bucket(of, at_us)
    defaults: dict[str, Any] = {
        "project": of.project,
        "rule_id": of.rule_id,
        "counting_revision": of.counting_revision,
        "bucket_start_us": span.start_us,
        "bucket_end_us": span.end_us,
        "requests": 1,
    }
    return RuleTotals(**(defaults | fields))
