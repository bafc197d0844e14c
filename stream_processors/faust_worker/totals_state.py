"""The running totals of one partition in memory. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tallygate.schemas.records import Call
from tallygate.schemas.topics import RESPONSES
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.usage import Deltas, KeptPeriods, UsageKey, ZoneOf, prune
from tallygate.stream_processors.usage.tally import Fact, fact_of
from tallygate.stream_processors.usage.totals import PeriodTally, Reached, added, is_idle, nothing

MARK_AGE_US = 2 * RESPONSES.retention_ms * 1000
"""See `usage.prune`: beyond twice the log's retention a mark guards against nothing."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of a batch."""

    changed: Mapping[UsageKey, UsageTotals] = field(default_factory=dict)
    fresh: tuple[tuple[Call, Fact], ...] = ()
    """The calls that were not counted before."""


class PartitionTotals:
    """Totals by key, and what they have counted.

    A batch's totals are published in one transaction, and each call counts under its project at least; so
    the highest mark of any total is that of the partition, and a batch can be added up before it is added.
    """

    def __init__(self, partition: int, totals: Iterable[UsageTotals], now_us: int) -> None:
        self._partition = partition
        pruned = (prune(each, now_us - MARK_AGE_US) for each in totals)
        self._totals = {key_of(each): each for each in pruned}
        self._marks: dict[str, int] = {}
        for each in self._totals.values():
            for edge, seq in each.applied.items():
                self._marks[edge] = max(seq, self._marks.get(edge, -1))

    def __len__(self) -> int:
        return len(self._totals)

    @property
    def marks(self) -> Mapping[str, int]:
        """Highest number counted, by edge id."""
        return self._marks

    def count(self, calls: Iterable[Call], zone_of: ZoneOf, now_us: int) -> Counted:
        """Count the calls that are not counted yet."""
        deltas = Deltas(zone_of, now_us)
        seqs: dict[str, int] = {}
        ended_us: dict[str, int] = {}
        fresh: list[tuple[Call, Fact]] = []
        for call in calls:
            edge, seq = call.origin.edge_id, call.origin.seq
            if seq > self._marks.get(edge, -1):
                self._marks[edge] = seqs[edge] = seq
                ended_us[edge] = max(call.ended_at_us, ended_us.get(edge, 0))
                fact = fact_of(call)
                deltas.add(call, fact)
                fresh.append((call, fact))
        periods: dict[UsageKey, list[PeriodTally]] = defaultdict(list)
        for (key, period, span), tally in deltas.periods():
            periods[key].append((period, span, tally))
        reached, kept = Reached(seqs, ended_us), KeptPeriods(now_us)
        changed = {}
        for key, tally in deltas.items():
            held = self._totals.get(key) or nothing(key, self._partition)
            changed[key] = added(held, tally, periods[key], reached, zone_of(key.project), kept)
        self._totals.update(changed)
        return Counted(changed, tuple(fresh))

    def drop_idle(self, now_us: int) -> list[UsageKey]:
        """Forget what is no longer worth keeping; which that was."""
        idle = [key for key, totals in self._totals.items() if is_idle(totals, now_us)]
        for key in idle:
            del self._totals[key]
        return idle


def key_of(totals: UsageTotals) -> UsageKey:
    """The key that a total is of."""
    return UsageKey(totals.project, totals.dimension, totals.name, totals.value)
