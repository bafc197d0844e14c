"""What a batch of calls adds to the totals: added up in memory, to be written once per key."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar, get_args

from tallygate.schemas.periods import Period, Span, period_of
from tallygate.schemas.records import Call
from tallygate.stream_processors.usage.keys import UsageKey, keys_of
from tallygate.stream_processors.usage.tally import Fact, Tally, fact_of

K = TypeVar("K")
PERIODS: tuple[Period, ...] = get_args(Period)
ZoneOf = Callable[[str], str]
"""A project's time zone."""


class PeriodKey(NamedTuple):
    """One period of one key."""

    key: UsageKey
    period: Period
    span: Span


class Deltas:
    """Sums by key, and by key and period. Knows nothing of what was counted before: its user skips that."""

    def __init__(self, zone_of: ZoneOf, now_us: int) -> None:
        self._zone_of = zone_of
        self._kept = KeptPeriods(now_us)
        self._parts: dict[tuple[Span, ...], dict[UsageKey, Tally]] = {}

    def add(self, call: Call, fact: Fact | None = None) -> None:
        """Count a call under all its keys."""
        fact = fact or fact_of(call)
        zone = self._zone_of(call.project)
        spans = tuple(period_of(period, zone, fact.received_at_us) for period in PERIODS)
        tallies = self._parts.setdefault(spans, {})
        for key in keys_of(call):
            tally = tallies.get(key)
            if tally is None:
                tally = tallies[key] = Tally()
            tally.count(fact)

    def items(self) -> Iterator[tuple[UsageKey, Tally]]:
        """Each key with what is to be added to its total."""
        yield from _merged((key, tally) for part in self._parts.values() for key, tally in part.items())

    def periods(self) -> Iterator[tuple[PeriodKey, Tally]]:
        """Each period of each key with what is to be added; not those that nobody can ask for any more."""
        yield from _merged(
            (PeriodKey(key, period, span), tally)
            for spans, part in self._parts.items()
            for period, span in zip(PERIODS, spans, strict=True)
            for key, tally in part.items()
            if self._kept.keeps(period, self._zone_of(key.project), span.start_us)
        )


class KeptPeriods:
    """Which periods have running sums: the present one, the one before, and, for clocks that are ahead, the
    next."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us
        self._starts: dict[tuple[Period, str], Span] = {}

    def keeps(self, period: Period, zone: str, start_us: int) -> bool:
        """Whether a period of a time zone that begins then is one of them."""
        starts = self._starts.get((period, zone))
        if starts is None:
            current = period_of(period, zone, self._now_us)
            previous = period_of(period, zone, max(0, current.start_us - 1))
            starts = self._starts[period, zone] = Span(previous.start_us, current.end_us)
        return starts.start_us <= start_us <= starts.end_us


def _merged(parts: Iterator[tuple[K, Tally]]) -> Iterator[tuple[K, Tally]]:
    tallies: dict[K, Tally] = {}
    shared: set[K] = set()
    for key, tally in parts:
        held = tallies.get(key)
        if held is None:
            tallies[key] = tally  # nearly always the only one: not worth a copy
        elif key in shared:
            held.add(tally)
        else:
            both = Tally()
            both.add(held)
            both.add(tally)
            tallies[key] = both
            shared.add(key)
    yield from tallies.items()
