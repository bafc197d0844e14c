"""What a batch of calls adds to the totals: added up in memory, to be written once per key."""

from collections.abc import Iterator

from tallygate.schemas.records import Call
from tallygate.stream_processors.usage.keys import UsageKey, keys_of
from tallygate.stream_processors.usage.sums import COUNTERS, Sums, sums_of

_LAST_SEEN = len(COUNTERS)


class Deltas:
    """Sums by key. Knows nothing of what was counted before: its user skips what was."""

    def __init__(self) -> None:
        self._sums: dict[UsageKey, list[int]] = {}

    def __len__(self) -> int:
        return len(self._sums)

    def add(self, call: Call) -> None:
        """Count a call under all its keys."""
        sums = sums_of(call)
        more = [(index, count) for index, count in enumerate(sums) if count]
        for key in keys_of(call):
            held = self._sums.get(key)
            if held is None:
                self._sums[key] = [*sums, call.ended_at_us]
                continue
            for index, count in more:
                held[index] += count
            held[_LAST_SEEN] = max(held[_LAST_SEEN], call.ended_at_us)

    def items(self) -> Iterator[tuple[UsageKey, Sums, int]]:
        """Each key with its sums and the end of its last call, in microseconds."""
        for key, held in self._sums.items():
            yield key, Sums._make(held[:_LAST_SEEN]), held[_LAST_SEEN]
