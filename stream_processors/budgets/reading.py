"""A rule's value over a window of the running sums of one group."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tallygate.schemas.periods import SECOND_US, Span, hour_weeks_before, period_of, slice_of
from tallygate.schemas.rules import CalendarWindow, Rule
from tallygate.stream_processors.budgets.part import Part, total, value_of

CLOCKS_US = 60 * SECOND_US
"""How far the clocks of edges may be ahead: a call from later than that is not counted before its time."""
PROJECTED_FROM = 20
"""A projection begins when a twentieth of the period is over: what one call says of a month is nothing."""

Parts = Mapping[int, Part]
"""A group's sums by their bucket's start, over all partitions."""


class Reading(NamedTuple):
    """What a rule says of one group over one span."""

    span: Span
    requests: int
    value: int | None
    """None: there is nothing to measure."""
    projected: int | None = None
    baseline: int | None = None

    @property
    def judged(self) -> int | None:
        """What the threshold is compared with."""
        return self.value if self.projected is None else self.projected


def period_at(rule: Rule, at_us: int) -> Span:
    """The calendar period that a rule counts by; of an anomaly it is the hour.

    Raises:
        TypeError: the rule's window slides.
    """
    if rule.kind == "anomaly":
        return period_of("hour", rule.time_zone, at_us)
    if not isinstance(rule.window, CalendarWindow):
        raise TypeError(f"{rule.rule_id} has no periods")
    return period_of(rule.window.period, rule.time_zone, at_us)


def slides(rule: Rule) -> bool:
    """Whether the rule looks at the last so many seconds."""
    return rule.kind != "anomaly" and rule.window.kind == "sliding"


def over_period(rule: Rule, parts: Parts, span: Span, now_us: int) -> Reading:
    """A rule's value over a calendar period."""
    part = parts.get(span.start_us, Part())
    value = value_of(rule.metric, part)
    reading = Reading(span, part.requests, value)
    if rule.kind == "projected":
        return reading._replace(projected=projection(value, span, now_us))
    if rule.kind == "anomaly":
        return reading._replace(baseline=_baseline(rule, parts, span))
    return reading


def over_window(rule: Rule, parts: Parts, now_us: int) -> Reading:
    """A rule's value over a sliding window: all of the buckets that are in it, even if by a part."""
    window_us = window_length_us(rule)
    part = total(parts[bucket.start_us] for bucket in _in_window(rule, parts, now_us))
    return Reading(Span(max(0, now_us - window_us), now_us), part.requests, value_of(rule.metric, part))


def leaves_at(rule: Rule, parts: Parts, now_us: int) -> int | None:
    """When the next bucket leaves a sliding window; None if it is empty."""
    window_us = window_length_us(rule)
    return min((bucket.end_us + window_us for bucket in _in_window(rule, parts, now_us)), default=None)


def window_length_us(rule: Rule) -> int:
    """Length of a sliding window."""
    return window_seconds(rule) * SECOND_US


def window_seconds(rule: Rule) -> int:
    """Length of a sliding window.

    Raises:
        TypeError: the rule's window does not slide.
    """
    if isinstance(rule.window, CalendarWindow):
        raise TypeError(f"{rule.rule_id} has periods")
    return rule.window.seconds


def projection(value: int | None, span: Span, now_us: int) -> int | None:
    """The value at the period's end if it goes on as it has; None too early to say."""
    length_us, gone_us = span.end_us - span.start_us, now_us - span.start_us
    if value is None or gone_us * PROJECTED_FROM < length_us:
        return None
    return value if gone_us >= length_us else value * length_us // gone_us


def _in_window(rule: Rule, parts: Parts, now_us: int) -> Iterator[Span]:
    seconds = window_seconds(rule)
    for start_us in parts:
        bucket = slice_of(seconds, start_us)
        if bucket.end_us > now_us - seconds * SECOND_US and start_us <= now_us + CLOCKS_US:
            yield bucket


def _baseline(rule: Rule, parts: Parts, hour: Span) -> int | None:
    """The mean of the same hour of past weeks, of those that were counted; None if none was."""
    counted_from_us = min(parts, default=hour.start_us)
    weeks = range(1, rule.weeks + 1)
    past = [hour_weeks_before(rule.time_zone, hour, week).start_us for week in weeks]
    counted = [start_us for start_us in past if start_us >= counted_from_us]
    if not counted:
        return None
    value = value_of(rule.metric, total(parts[start_us] for start_us in counted if start_us in parts))
    if value is None or not rule.is_sum:
        return value
    return value // len(counted)
