"""The running totals of one partition in memory. Pure."""

from collections.abc import Iterable

from tallygate.schemas.records import Call, UsageTotals
from tallygate.schemas.topics import RESPONSES
from tallygate.stream_processors.usage import UsageKey, apply, keys_of, prune

MARK_AGE_US = 2 * RESPONSES.retention_ms * 1000
"""See `usage.prune`: beyond twice the log's retention a mark guards against nothing."""


class PartitionTotals:
    """Totals by key, and which of them have changed since they were last published."""

    def __init__(self, partition: int, totals: Iterable[UsageTotals], now_us: int) -> None:
        self._partition = partition
        pruned = (prune(each, now_us - MARK_AGE_US) for each in totals)
        self._totals = {key_of(each): each for each in pruned}

    def __len__(self) -> int:
        return len(self._totals)

    def count(self, calls: Iterable[Call]) -> dict[UsageKey, UsageTotals]:
        """Count the calls that are not counted yet; return the totals that changed."""
        changed: dict[UsageKey, UsageTotals] = {}
        for call in calls:
            for key in keys_of(call):
                totals = apply(self._totals.get(key), key, self._partition, call)
                if totals is not None:
                    self._totals[key] = changed[key] = totals
        return changed


def key_of(totals: UsageTotals) -> UsageKey:
    """The key that a total is of."""
    return UsageKey(totals.project, totals.dimension, totals.name, totals.value)
