"""Writing a batch of one partition to the store, once. Blocking: runs in the sink's one worker thread."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from tallygate.runtime.messages import Place
from tallygate.schemas.events import RequestEvent
from tallygate.schemas.records import Alert, Call
from tallygate.schemas.topics import ALERTS, CALLS
from tallygate.stream_processors.errors import RetryableError, StoreUnavailableError
from tallygate.stream_processors.messages import BadLine, Raw, decode_messages
from tallygate.stream_processors.sink.consumer_state import Marks
from tallygate.stream_processors.store import Placed, Store

R = TypeVar("R", Call, RequestEvent)
Insert = Callable[[int, Sequence[Placed[R]]], None]


class LeaseDoubtfulError(RetryableError):
    """This process may have lost its partitions: wait for the group to say."""


class PartitionWriter:
    """Decodes batches and inserts what the store does not hold."""

    def __init__(self, store: Store, may_write: Callable[[], bool]) -> None:
        self._store = store
        self._may_write = may_write
        self._marks: dict[Place, Marks] = {}
        self.inserted = 0
        """Records inserted since the start."""

    def forget(self, places: Iterable[Place]) -> None:
        """Partitions that were taken away: others write there now, so the marks are no longer true."""
        for place in places:
            self._marks.pop(place, None)

    def write(self, place: Place, messages: Sequence[Raw]) -> list[BadLine]:
        """Insert what is new, and return the lines that are no records.

        Raises:
            StoreUnavailableError: some may be inserted. Give the same batch again.
            LeaseDoubtfulError: nothing was inserted.
        """
        if place.topic == CALLS.name:
            calls = decode_messages(Call, messages)
            self._insert(place, calls.placed, self._store.insert_calls)
            return calls.bad
        if place.topic == ALERTS.name:
            return self._write_alerts(place, messages)
        requests = decode_messages(RequestEvent, messages)
        self._insert(place, requests.placed, self._store.insert_requests)
        return requests.bad

    def _write_alerts(self, place: Place, messages: Sequence[Raw]) -> list[BadLine]:
        """The store knows alerts by their ids: there is nothing to remember of them here."""
        alerts = decode_messages(Alert, messages)
        if alerts.placed:
            self._check_lease(place)
            self._store.insert_alerts([placed.record for placed in alerts.placed])
            self.inserted += len(alerts.placed)
        return alerts.bad

    def _check_lease(self, place: Place) -> None:
        if not self._may_write():
            # Whoever holds the partition now may have inserted more than the marks say.
            self._marks.pop(place, None)
            raise LeaseDoubtfulError(f"{place.topic}/{place.partition} may belong to another process")

    def _insert(self, place: Place, placed: list[Placed[R]], insert: Insert[R]) -> None:
        marks = self._known_marks(place)
        if not (fresh := marks.fresh(placed)):
            return
        self._check_lease(place)
        try:
            insert(place.partition, fresh)
        except StoreUnavailableError:
            self._marks.pop(place, None)  # it may hold a part: asked before the next attempt
            raise
        marks.advance(fresh)
        self.inserted += len(fresh)

    def _known_marks(self, place: Place) -> Marks:
        if place not in self._marks:
            applied = self._store.applied(place.partition)
            held = applied.calls if place.topic == CALLS.name else applied.requests
            self._marks[place] = Marks(held)
        return self._marks[place]
