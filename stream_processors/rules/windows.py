"""Which time buckets a rule counts in, and for how long they are needed."""

from tallygate.schemas.periods import HOUR_US, SECOND_US, Span, period_of, slice_of
from tallygate.schemas.rules import CalendarWindow, Rule

SLACK_US = 300 * SECOND_US
"""A sliding window's buckets stay a little longer: evaluators look back late."""
WEEK_US = 7 * 24 * HOUR_US


def bucket_of(rule: Rule, at_us: int) -> Span:
    """The bucket that a call that arrived then counts in."""
    if rule.kind == "anomaly":
        return period_of("hour", rule.time_zone, at_us)
    if isinstance(rule.window, CalendarWindow):
        return period_of(rule.window.period, rule.time_zone, at_us)
    return slice_of(rule.window.seconds, at_us)


def needed_from(rule: Rule, now_us: int) -> int:
    """The start of the oldest bucket that somebody may still look at, in microseconds."""
    if rule.kind == "anomaly":
        return max(0, bucket_of(rule, max(0, now_us - (rule.weeks + 1) * WEEK_US)).start_us)
    if isinstance(rule.window, CalendarWindow):
        current = bucket_of(rule, now_us)
        return bucket_of(rule, max(0, current.start_us - 1)).start_us
    return bucket_of(rule, max(0, now_us - rule.window.seconds * SECOND_US - SLACK_US)).start_us


def buckets_needed(rule: Rule, now_us: int) -> list[Span]:
    """Every bucket from the oldest that is needed up to the present one."""
    at_us = needed_from(rule, now_us)
    found = []
    while at_us <= now_us:
        span = bucket_of(rule, at_us)
        # Where clocks change by half an hour, an hour may begin before the last one has ended.
        found.append(span)
        at_us = max(span.end_us, at_us + 1)
    return found
