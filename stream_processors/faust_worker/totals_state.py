"""The running totals of one partition in memory. Pure."""

from collections.abc import Iterable

from tallygate.schemas.records import Call
from tallygate.schemas.topics import RESPONSES
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.usage import COUNTERS, Deltas, Sums, UsageKey, prune
from tallygate.stream_processors.usage.sums import MAX_SUM

MARK_AGE_US = 2 * RESPONSES.retention_ms * 1000
"""See `usage.prune`: beyond twice the log's retention a mark guards against nothing."""


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

    def count(self, calls: Iterable[Call]) -> dict[UsageKey, UsageTotals]:
        """Count the calls that are not counted yet; return the totals that changed."""
        deltas = Deltas()
        reached: dict[str, int] = {}
        ended_us: dict[str, int] = {}
        for call in calls:
            edge, seq = call.origin.edge_id, call.origin.seq
            if seq > self._marks.get(edge, -1):
                self._marks[edge] = reached[edge] = seq
                ended_us[edge] = max(call.ended_at_us, ended_us.get(edge, 0))
                deltas.add(call)
        changed = {
            key: self._added(key, sums, last_us, reached, ended_us) for key, sums, last_us in deltas.items()
        }
        self._totals.update(changed)
        return changed

    def _added(
        self, key: UsageKey, sums: Sums, last_us: int, reached: dict[str, int], ended_us: dict[str, int]
    ) -> UsageTotals:
        """A total with a batch added; it has then counted, or been passed by, all that the batch reached."""
        held = self._totals.get(key) or _nothing(key, self._partition)
        old = held.__dict__
        summed = {name: min(MAX_SUM, old[name] + more) for name, more in zip(COUNTERS, sums, strict=True)}
        at_us = {edge: max(us, held.applied_at_us.get(edge, 0)) for edge, us in ended_us.items()}
        return held.model_copy(
            update={
                **summed,
                "last_seen_us": max(held.last_seen_us, last_us),
                "applied": {**held.applied, **reached},
                "applied_at_us": {**held.applied_at_us, **at_us},
            }
        )


def key_of(totals: UsageTotals) -> UsageKey:
    """The key that a total is of."""
    return UsageKey(totals.project, totals.dimension, totals.name, totals.value)


def _nothing(key: UsageKey, partition: int) -> UsageTotals:
    return UsageTotals(
        project=key.project, dimension=key.dimension, name=key.name, value=key.value, partition=partition
    )
