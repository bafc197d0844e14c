"""How a rule stands now, for people: the value of each group, and what fires. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tallygate.schemas.periods import Span
from tallygate.schemas.records import RuleState
from tallygate.schemas.rules import Rule
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.budgets.judge import current
from tallygate.stream_processors.budgets.part import Part, part_of, total


class Standing(NamedTuple):
    """One group of a rule."""

    group: str
    value: int | None
    """In the metric's unit; None if there is nothing to measure."""
    percent: float | None
    """Of the limit; None of an anomaly, or without a value."""
    projected: int | None
    baseline: int | None
    requests: int
    period: Span
    firing: tuple[int, ...]
    """Percents of the thresholds that fire now."""


@dataclass(frozen=True, slots=True)
class Standings:
    """A rule's groups, those nearest to the limit first."""

    pending: bool
    """Calls from before the rule was made are not counted yet."""
    groups: list[Standing]


def standings(
    rule: Rule, totals: Iterable[RuleTotals], states: Iterable[RuleState], now_us: int
) -> Standings:
    """How a rule stands, by its sums of all partitions and what was told of it.

    A group that has nothing in the present period or window is left out, unless something of it fires. Sums
    and states of an earlier counting say nothing.
    """
    pending = False
    buckets: dict[str, dict[int, list[Part]]] = {} if rule.group_by else {"": {}}
    for each in totals:
        if each.counting_revision != rule.counting_revision:
            continue
        if each.progress is not None:
            pending = pending or not each.progress.backfilled
        else:
            of_group = buckets.setdefault(each.group, {})
            of_group.setdefault(each.bucket_start_us, []).append(part_of(rule.metric, each))
    firing = {
        state.group: tuple(each.percent for each in state.firings if not each.over)
        for state in states
        if state.counting_revision == rule.counting_revision
    }
    found = [
        _standing(rule, group, of_group, firing.get(group, ()), now_us) for group, of_group in buckets.items()
    ]
    shown = [each for each in found if each.requests or each.firing or not rule.group_by]
    shown.sort(key=lambda each: (-(each.percent or 0.0), -(each.value or 0), each.group))
    return Standings(pending, shown)


def _standing(
    rule: Rule, group: str, buckets: dict[int, list[Part]], firing: tuple[int, ...], now_us: int
) -> Standing:
    reading = current(rule, {start_us: total(parts) for start_us, parts in buckets.items()}, now_us)
    percent = None
    if rule.kind != "anomaly" and reading.value is not None and rule.limit:
        percent = reading.value * 100 / rule.limit
    return Standing(
        group,
        reading.value,
        percent,
        reading.projected,
        reading.baseline,
        reading.requests,
        reading.span,
        firing,
    )
