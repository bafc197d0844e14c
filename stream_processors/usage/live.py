"""The latest totals of a compacted log, for readers that count nothing. Pure.

Values are kept as they came and decoded when somebody asks: there are many more changes than questions.
"""

import threading
from collections.abc import Iterable

from tallygate.schemas.codec import BadRecordError, decode
from tallygate.schemas.periods import Period
from tallygate.schemas.totals import Counters, PeriodSums, UsageTotals
from tallygate.stream_processors.usage.keys import UsageKey, decode_key
from tallygate.stream_processors.usage.tally import plus, tally_of

Group = tuple[str, str, str]
"""Project, dimension and name."""


class LatestTotals:
    """By key and partition. One thread takes, others ask."""

    def __init__(self) -> None:
        self._values: dict[Group, dict[UsageKey, dict[int, bytes]]] = {}
        self._lock = threading.Lock()

    def take(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Take over the latest value of a key; None removes it."""
        try:
            usage_key = decode_key(key)
        except BadRecordError:
            return  # of a later release
        with self._lock:
            values = self._values.setdefault(usage_key[:3], {})
            if value is None:
                values.get(usage_key, {}).pop(partition, None)
            else:
                values.setdefault(usage_key, {})[partition] = value

    def sums(self, group: Group, value: str | None) -> dict[str, UsageTotals]:
        """The totals over all partitions, by value: of one, or of all."""
        with self._lock:
            values = self._values.get(group, {})
            wanted = [key for key in values if value is None or key.value == value]
            held = {key.value: list(values[key].values()) for key in wanted}
        decoded = {name: [decode(UsageTotals, each) for each in parts] for name, parts in held.items()}
        return {name: summed(parts) for name, parts in decoded.items() if parts}


def summed(parts: list[UsageTotals]) -> UsageTotals:
    """One total of several partitions' of one key."""
    first, *others = parts
    if not others:
        return first
    periods: dict[tuple[Period, int], list[PeriodSums]] = {}
    for part in parts:
        for sums in part.periods:
            periods.setdefault((sums.period, sums.start_us), []).append(sums)
    return first.model_copy(
        update={
            **_sum(parts),
            "last_seen_us": max(part.last_seen_us for part in parts),
            "periods": tuple(same[0].model_copy(update=_sum(same)) for same in periods.values()),
        }
    )


def _sum(parts: Iterable[Counters]) -> dict[str, object]:
    first, *others = parts
    total = tally_of(first)
    for part in others:
        total.add(tally_of(part))
    return plus(Counters(), total)
