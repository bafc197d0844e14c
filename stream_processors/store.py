"""What a processor needs of the store of calls; `stream_processors.sink` implements it for ClickHouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from tallygate.schemas.events import RequestEvent
from tallygate.schemas.model import Record
from tallygate.schemas.records import Alert, Call

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a store holds of one log partition: the highest origin sequence number, by edge id."""

    calls: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)


class Placed(NamedTuple, Generic[R]):
    """A record and its place in the log partition (in the embedded run: its origin's sequence number)."""

    offset: int
    record: R


class CallStore(Protocol):
    """Where priced calls end up. Used by one thread at a time."""

    def applied(self, partition: int) -> Applied:
        """What the store holds already. Asked at start, and again after every failed insert.

        Raises:
            StoreUnavailableError: to be asked again later.
        """
        ...

    def insert_calls(self, partition: int, calls: Sequence[Placed[Call]]) -> None:
        """Insert calls of one partition, which are in sequence order within each edge.

        What was inserted is a prefix of `calls` in that order, also if this raises or the process dies, so
        that `applied` tells exactly which are held.

        Raises:
            StoreUnavailableError: some of them may not be held; ask `applied`, and repeat the rest.
        """
        ...

    def insert_requests(self, partition: int, requests: Sequence[Placed[RequestEvent]]) -> None:
        """Insert request events; contract as of `insert_calls`."""
        ...


class AlertStore(Protocol):
    """Where alerts end up, for people to look at. Used by one thread at a time."""

    def insert_alerts(self, alerts: Sequence[Alert]) -> None:
        """Insert those whose ids are not held.

        Raises:
            StoreUnavailableError: some of them may not be held; give all of them again.
        """
        ...


class Store(CallStore, AlertStore, Protocol):
    """Both."""
