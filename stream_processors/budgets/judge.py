"""What a group's sums mean for what was told of it before: the evaluation of one rule for one group. Pure.

A threshold is told of once a period, or once an episode of a sliding window: that is kept in `RuleState`,
which its keeper writes in one transaction with the alerts. It is found again by the threshold's
amount, not by its percentage: a limit that was raised is told of anew, one that is put back is not.

| window           | crossed when                            | over when                                     |
|------------------|-----------------------------------------|-----------------------------------------------|
| calendar, sums   | the value is there; also, seen late, in | the period ends                               |
|                  | the period before                       |                                               |
| calendar, others | the value is there                      | it ends, or the value is back by hysteresis   |
| sliding          | the value is there                      | the value is back, or the window is empty     |

A threshold that is taken off its rule is over at once.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from tallygate.schemas.periods import Span
from tallygate.schemas.records import Alert, Firing, RuleState
from tallygate.schemas.rules import Rule
from tallygate.stream_processors.budgets.alerts import crossing_id, end_alert, firing_alert
from tallygate.stream_processors.budgets.reading import (
    Parts,
    Reading,
    leaves_at,
    over_period,
    over_window,
    period_at,
    slides,
    window_length_us,
)

KEPT_PERIODS = 2
"""Firings of so many earlier periods stay known, should a clock be put back."""
LOOKS = 100
"""A projection is looked at so many times a period, as it changes without calls."""


@dataclass(slots=True)
class Verdict:
    """What came out of an evaluation."""

    firings: tuple[Firing, ...]
    """As they are now."""
    alerts: list[Alert] = field(default_factory=list)
    next_us: int | None = None
    """When to look again, even if nothing more is counted; None: never."""


class Threshold(NamedTuple):
    """One of a rule."""

    bound: int
    """What the value is compared with."""
    percent: int


def told_by(rule: Rule, threshold: Threshold | Firing) -> int:
    """What a threshold is known by: its amount; of an anomaly, whose amount moves, its factor."""
    if rule.kind == "anomaly":
        return threshold.percent
    return threshold.threshold if isinstance(threshold, Firing) else threshold.bound


def judge(rule: Rule, group: str, parts: Parts, state: RuleState | None, now_us: int) -> Verdict:
    """Evaluate a rule for one group."""
    verdict = Verdict(state.firings if state is not None else ())
    if slides(rule):
        _judge_window(rule, group, parts, verdict, now_us)
    else:
        _judge_periods(rule, group, parts, verdict, now_us)
    return verdict


def current(rule: Rule, parts: Parts, now_us: int) -> Reading:
    """The value that is shown and that edges are told of: of the current period, or the window until now."""
    if slides(rule):
        return over_window(rule, parts, now_us)
    return over_period(rule, parts, period_at(rule, now_us), now_us)


def thresholds(rule: Rule, reading: Reading) -> list[Threshold]:
    """The thresholds of a rule, in the metric's unit; of an anomaly, none without a baseline."""
    if rule.kind != "anomaly":
        return [Threshold(ceil_percent(rule.limit, each), each) for each in rule.thresholds_percent]
    if reading.baseline is None:
        return []
    bound = max(rule.min_value, 1, ceil_percent(reading.baseline, rule.factor_percent))
    return [Threshold(bound, rule.factor_percent)]


def _judge_periods(rule: Rule, group: str, parts: Parts, verdict: Verdict, now_us: int) -> None:
    span = period_at(rule, now_us)
    before = period_at(rule, span.start_us - 1)
    verdict.firings = _remembered(verdict.firings, before)
    _end_removed(rule, group, over_period(rule, parts, span, now_us), verdict, now_us)
    if _grows(rule) and _held(rule, before):
        _fire(rule, group, over_period(rule, parts, before, now_us), verdict, now_us, ended=True)
    reading = over_period(rule, parts, span, now_us)
    _end_periods(rule, group, parts, verdict, span, now_us)
    if not _grows(rule):
        _end_by_value(rule, group, reading, verdict, now_us)
    _fire(rule, group, reading, verdict, now_us)
    if reading.requests or any(not firing.over for firing in verdict.firings):
        verdict.next_us = span.end_us
        if rule.kind == "projected":
            verdict.next_us = min(span.end_us, now_us + (span.end_us - span.start_us) // LOOKS)


def _judge_window(rule: Rule, group: str, parts: Parts, verdict: Verdict, now_us: int) -> None:
    reading = over_window(rule, parts, now_us)
    verdict.firings = tuple(firing for firing in verdict.firings if not firing.over)
    _end_removed(rule, group, reading, verdict, now_us)
    _end_by_value(rule, group, reading, verdict, now_us)
    # A window that began before anything was counted says nothing of too little.
    whole_us = rule.created_at_us + window_length_us(rule)
    if rule.direction == "above" or now_us >= whole_us:
        _fire(rule, group, reading, verdict, now_us)
        verdict.next_us = leaves_at(rule, parts, now_us)
    else:
        verdict.next_us = whole_us


def _fire(
    rule: Rule, group: str, reading: Reading, verdict: Verdict, now_us: int, *, ended: bool = False
) -> None:
    """Tell of every threshold that is crossed and was not told of. Of a period that has ended, no end."""
    if reading.requests < rule.min_requests:
        return
    for threshold in thresholds(rule, reading):
        if not _crossed(rule, reading, threshold) or _known(verdict.firings, threshold, reading, rule):
            continue
        episode_us = now_us if slides(rule) else reading.span.start_us
        firing = Firing(
            threshold=threshold.bound,
            percent=threshold.percent,
            episode_us=episode_us,
            period_end_us=reading.span.end_us,
            alert_id=crossing_id(rule, group, told_by(rule, threshold), episode_us),
            over=ended,
        )
        verdict.firings = (*verdict.firings, firing)
        verdict.alerts.append(firing_alert(rule, group, reading, firing, now_us))


def _known(firings: tuple[Firing, ...], threshold: Threshold, reading: Reading, rule: Rule) -> bool:
    return any(
        told_by(rule, firing) == told_by(rule, threshold)
        and (not firing.over if slides(rule) else firing.episode_us == reading.span.start_us)
        for firing in firings
    )


def _end_periods(rule: Rule, group: str, parts: Parts, verdict: Verdict, span: Span, now_us: int) -> None:
    """What fired in periods before this one is over."""
    for firing in verdict.firings:
        if not firing.over and firing.episode_us < span.start_us:
            ended = Span(firing.episode_us, firing.period_end_us)
            reading = over_period(rule, parts, ended, min(now_us, ended.end_us))
            _end(rule, group, reading, firing, verdict, now_us)


def _end_removed(rule: Rule, group: str, reading: Reading, verdict: Verdict, now_us: int) -> None:
    """What fired at thresholds that the rule has no more is over."""
    if rule.kind == "anomaly":
        kept = {rule.factor_percent}
    else:
        kept = {told_by(rule, threshold) for threshold in thresholds(rule, reading)}
    for firing in verdict.firings:
        if not firing.over and told_by(rule, firing) not in kept:
            _end(rule, group, reading, firing, verdict, now_us)


def _end_by_value(rule: Rule, group: str, reading: Reading, verdict: Verdict, now_us: int) -> None:
    """What fired is over if the value has come back far enough."""
    found = {told_by(rule, threshold): threshold for threshold in thresholds(rule, reading)}
    for firing in verdict.firings:
        threshold = found.get(told_by(rule, firing))
        if not firing.over and threshold is not None and _back(rule, reading, threshold):
            _end(rule, group, reading, firing, verdict, now_us)


def _end(rule: Rule, group: str, reading: Reading, firing: Firing, verdict: Verdict, now_us: int) -> None:
    over = firing.model_copy(update={"over": True})
    verdict.firings = tuple(over if each is firing else each for each in verdict.firings)
    verdict.alerts.append(end_alert(rule, group, reading, firing, now_us))


def _crossed(rule: Rule, reading: Reading, threshold: Threshold) -> bool:
    value = reading.judged
    if value is None or (rule.kind == "projected" and reading.projected is None):
        return False
    if rule.direction == "above":
        return value >= threshold.bound
    return value < threshold.bound


def _back(rule: Rule, reading: Reading, threshold: Threshold) -> bool:
    value = reading.judged
    if value is None or (slides(rule) and rule.direction == "above" and not reading.requests):
        return True
    if rule.direction == "above":
        return value * 100 < threshold.bound * (100 - rule.hysteresis_percent)
    return value * 100 >= threshold.bound * (100 + rule.hysteresis_percent)


def _grows(rule: Rule) -> bool:
    """Whether the value only grows within its period."""
    return rule.is_sum and rule.kind == "threshold" and rule.direction == "above"


def _held(rule: Rule, period: Span) -> bool:
    """Whether the rule is what it was in a period: what is changed now does not fire for the past."""
    return max(rule.created_at_us, rule.updated_at_us) < period.end_us


def _remembered(firings: tuple[Firing, ...], before: Span) -> tuple[Firing, ...]:
    """All but what is over and too old to be asked for."""
    if not firings:
        return firings
    oldest_us = before.start_us - KEPT_PERIODS * (before.end_us - before.start_us)
    return tuple(firing for firing in firings if not firing.over or firing.episode_us >= oldest_us)


def ceil_percent(amount: int, percent: int) -> int:
    """A part of an amount, rounded up: a value is at it exactly if it is at the rounded one."""
    return -(-amount * percent // 100)
