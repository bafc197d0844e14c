"""The event log as a replay reads it: from its oldest event to where it ended when the replay began."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.stream_processors.store import Placed

E = TypeVar("E", RequestEvent, ResponseEvent)


@dataclass(frozen=True, slots=True)
class Span:
    """Which calls: those that arrived in a time, its end excluded. Microseconds since the Unix epoch."""

    from_us: int = 0
    to_us: int = 2**63 - 1

    def holds(self, event: RequestEvent | ResponseEvent) -> bool:
        """Whether the event's call arrived in it."""
        return self.from_us <= event.received_at_us < self.to_us


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some events of one partition, each at most once, in sequence order within each edge."""

    partition: int
    requests: list[Placed[RequestEvent]] = field(default_factory=list)
    responses: list[Placed[ResponseEvent]] = field(default_factory=list)
    bad: int = 0
    """Records that are no events: they are in the dead letters already."""


class EventLog(Protocol):
    """A log that can be read from its beginning. Reading changes nothing."""

    @property
    def done(self) -> float:
        """Which part of it is read, from 0 to 1."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """All that is in it.

        Raises:
            RetryableError: it can't be read just now.
        """
        ...


class Seen:
    """Leaves out what comes again: a run that goes back and repeats itself, as after a crash."""

    def __init__(self) -> None:
        self._highest: dict[tuple[int, str, str], int] = {}

    def new(self, partition: int, event: RequestEvent | ResponseEvent) -> bool:
        """Whether an event has not been seen, by its number."""
        key = (partition, event.event, event.origin.edge_id)
        if event.origin.seq <= self._highest.get(key, -1):
            return False
        self._highest[key] = event.origin.seq
        return True
