"""One running total as a record that carries what it has counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tallygate.schemas.periods import Period, Span
from tallygate.schemas.totals import PeriodSums, UsageTotals
from tallygate.stream_processors.usage.deltas import KeptPeriods
from tallygate.stream_processors.usage.keys import UsageKey
from tallygate.stream_processors.usage.tally import Tally, plus

DAY_US = 86_400_000_000
SESSION_IDLE_US = 30 * DAY_US
"""Sessions come and go without end: the total of one that has been quiet for so long is dropped. The store of
calls still knows it."""

PeriodTally = tuple[Period, Span, Tally]


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a batch goes, by edge id: the highest number, and the end of the last call."""

    seqs: Mapping[str, int] = field(default_factory=dict)
    ended_us: Mapping[str, int] = field(default_factory=dict)


def nothing(key: UsageKey, partition: int) -> UsageTotals:
    """The total of a key that nothing is counted under."""
    return UsageTotals(
        project=key.project, dimension=key.dimension, name=key.name, value=key.value, partition=partition
    )


def added(
    held: UsageTotals,
    tally: Tally,
    periods: Iterable[PeriodTally],
    reached: Reached,
    zone: str,
    kept: KeptPeriods,
) -> UsageTotals:
    """A total with a batch added; it has then counted, or been passed by, all that the batch reached."""
    at_us = {edge: max(us, held.applied_at_us.get(edge, 0)) for edge, us in reached.ended_us.items()}
    return held.model_copy(
        update={
            **plus(held, tally),
            "last_seen_us": max(held.last_seen_us, tally.last_seen_us),
            "periods": _periods(held.periods, periods, zone, kept),
            "applied": {**held.applied, **reached.seqs},
            "applied_at_us": {**held.applied_at_us, **at_us},
        }
    )


def _periods(
    held: Iterable[PeriodSums], more: Iterable[PeriodTally], zone: str, kept: KeptPeriods
) -> tuple[PeriodSums, ...]:
    sums = {
        (each.period, each.start_us): each for each in held if kept.keeps(each.period, zone, each.start_us)
    }
    for period, span, tally in more:
        old = sums.get((period, span.start_us))
        if old is None:
            old = PeriodSums(period=period, start_us=span.start_us, end_us=span.end_us)
        sums[period, span.start_us] = old.model_copy(update=plus(old, tally))
    return tuple(sums.values())


def is_idle(totals: UsageTotals, now_us: int) -> bool:
    """Whether a total is no longer worth keeping."""
    return totals.dimension == "session" and totals.last_seen_us < now_us - SESSION_IDLE_US


def prune(totals: UsageTotals, older_than_us: int) -> UsageTotals:
    """Forget the marks of edges whose last counted call ended before a time; the sums stay.

    Rule: the time is now less twice the retention of `llm.responses`. What such a mark guards against, a
    call of that edge coming again, can't happen once the log has dropped it; the second retention is for
    an edge that was switched off in the middle of a repeat and comes back. An edge that goes on counting is
    never forgotten, so a total holds as many marks as there were edges within that time.
    """
    gone = {edge for edge, at_us in totals.applied_at_us.items() if at_us < older_than_us}
    if not gone:
        return totals
    return totals.model_copy(
        update={
            "applied": {edge: seq for edge, seq in totals.applied.items() if edge not in gone},
            "applied_at_us": {edge: at for edge, at in totals.applied_at_us.items() if edge not in gone},
        }
    )
