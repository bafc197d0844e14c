"""The sink's bookkeeping: what waits, what the store holds already, what may be committed. Pure.

A store holds a prefix of each edge's records, told by the highest sequence number. In a partition the records
of an edge come in sequence order, but for rewinds that start at a place passed before; so whatever is at or
below the mark is held, and whatever is above it comes in order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tallygate.schemas.events import RequestEvent
from tallygate.schemas.records import Call
from tallygate.stream_processors.messages import Raw
from tallygate.stream_processors.store import Placed

R = TypeVar("R", Call, RequestEvent)


class Marks:
    """The highest sequence number held, by edge, of one topic's partition."""

    def __init__(self, held: Mapping[str, int]) -> None:
        self._held = dict(held)

    def fresh(self, placed: Iterable[Placed[R]]) -> list[Placed[R]]:
        """Those that are not held, in order, each once."""
        seen = dict(self._held)
        found: list[Placed[R]] = []
        for item in placed:
            origin = item.record.origin
            if origin.seq > seen.get(origin.edge_id, -1):
                seen[origin.edge_id] = origin.seq
                found.append(item)
        return found

    def advance(self, placed: Iterable[Placed[R]]) -> None:
        """They are held now."""
        for item in placed:
            origin = item.record.origin
            self._held[origin.edge_id] = max(origin.seq, self._held.get(origin.edge_id, -1))


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When waiting messages are inserted."""

    max_bytes: int = 8 * 1024 * 1024
    max_age_s: float = 0.5


@dataclass(slots=True)
class Waiting:
    """Messages of one partition that are read and not yet inserted."""

    messages: list[Raw] = field(default_factory=list)
    size_bytes: int = 0
    since_s: float = 0.0

    def add(self, message: Raw, now_s: float) -> None:
        """Append a message; of an empty buffer it starts the clock."""
        if not self.messages:
            self.since_s = now_s
        self.messages.append(message)
        self.size_bytes += len(message.value)

    def due(self, now_s: float, limits: BatchLimits) -> bool:
        """Whether it is time to insert."""
        if not self.messages:
            return False
        return self.size_bytes >= limits.max_bytes or now_s - self.since_s >= limits.max_age_s

    def done(self, count: int, now_s: float) -> int:
        """Drop the first messages, which are dealt with; return the offset to commit."""
        finished, self.messages = self.messages[:count], self.messages[count:]
        self.size_bytes = sum(len(message.value) for message in self.messages)
        self.since_s = now_s
        return finished[-1].offset + 1


class Lease:
    """Whether this process may still think that its partitions are its own.

    A process that was frozen for as long as its session lasts (a suspended machine, a debugger) has been
    replaced without noticing. It notices by the gap between two ticks of its own, and does not write until
    the group has had the time to tell it.
    """

    def __init__(self, session_s: float, now_s: float) -> None:
        self._session_s = session_s
        self._last_s = now_s
        self._doubtful_until_s = now_s

    def tick(self, now_s: float) -> None:
        """Called every fraction of a second while the process runs."""
        if now_s - self._last_s > self._session_s / 2:
            self._doubtful_until_s = now_s + self._session_s
        self._last_s = now_s

    def holds(self, now_s: float) -> bool:
        """Whether to write now."""
        return now_s - self._last_s <= self._session_s / 2 and now_s >= self._doubtful_until_s
