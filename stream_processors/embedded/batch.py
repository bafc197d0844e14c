"""From outbox records to what is to be inserted, totalled and set aside. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tallygate.edge.outbox.segment import OutboxRecord, size_bytes
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import BadRecordError, decode
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.records import Call
from tallygate.schemas.topics import REQUESTS, RESPONSES
from tallygate.stream_processors.errors import DeadLetterError
from tallygate.stream_processors.pricing import Pricer, priced
from tallygate.stream_processors.store import Applied, Placed

E = TypeVar("E", RequestEvent, ResponseEvent)


@dataclass(slots=True)
class Marks:
    """How far one edge's events are applied: highest sequence numbers; -1 for none."""

    stored_calls: int = -1
    """In the store of calls."""
    stored_requests: int = -1
    counted: int = -1
    """Calls in the usage totals."""


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A record that can't be processed."""

    edge_id: str
    seq: int
    topic: int
    reason: str
    payload: bytes


@dataclass(slots=True)
class Batch:
    """What came from the outboxes in one go."""

    calls: list[Placed[Call]] = field(default_factory=list)
    """Calls that the store does not have."""
    requests: list[Placed[RequestEvent]] = field(default_factory=list)
    uncounted: list[Call] = field(default_factory=list)
    """Calls that the totals do not have."""
    dead: list[DeadRecord] = field(default_factory=list)
    marks: dict[str, Marks] = field(default_factory=dict)
    """How far each edge's events are applied once the batch is."""
    read_bytes: int = 0
    processed: int = 0
    uncertain: bool = False
    """An insert was begun and not seen to succeed: what the store took of it is not known."""

    def leave_out(self, applied: Applied) -> None:
        """Leave out what the store says it holds."""
        self.requests = [placed for placed in self.requests if _lacks(applied.requests, placed.record.origin)]
        self.calls = [placed for placed in self.calls if _lacks(applied.calls, placed.record.origin)]


def _lacks(applied: Mapping[str, int], origin: Origin) -> bool:
    return origin.seq > applied.get(origin.edge_id, -1)


def add_records(
    batch: Batch, edge_id: str, records: Iterable[OutboxRecord], marks: Marks, pricer: Pricer
) -> None:
    """Take one edge's next records into a batch. What is applied everywhere is not even decoded."""
    after = batch.marks.setdefault(edge_id, replace(marks))
    for record in records:
        batch.read_bytes += size_bytes(record)
        try:
            if record.topic == RESPONSES.code:
                _add_response(batch, edge_id, record, after, pricer)
            elif record.topic == REQUESTS.code:
                _add_request(batch, edge_id, record, after)
            else:
                raise DeadLetterError(f"topic {record.topic} is not read here")
        except (BadRecordError, DeadLetterError) as error:
            batch.dead.append(DeadRecord(edge_id, record.seq, record.topic, str(error), record.payload))


def _add_response(batch: Batch, edge_id: str, record: OutboxRecord, marks: Marks, pricer: Pricer) -> None:
    if record.seq <= min(marks.stored_calls, marks.counted):
        return
    call = priced(pricer, _decoded(ResponseEvent, edge_id, record))
    batch.processed += 1
    if record.seq > marks.stored_calls:
        batch.calls.append(Placed(record.seq, call))
        marks.stored_calls = record.seq
    if record.seq > marks.counted:
        batch.uncounted.append(call)
        marks.counted = record.seq


def _add_request(batch: Batch, edge_id: str, record: OutboxRecord, marks: Marks) -> None:
    if record.seq <= marks.stored_requests:
        return
    event = _decoded(RequestEvent, edge_id, record)
    batch.requests.append(Placed(record.seq, event))
    marks.stored_requests = record.seq


def _decoded(model: type[E], edge_id: str, record: OutboxRecord) -> E:
    """The event in a record.

    Raises:
        BadRecordError: it is none.
        DeadLetterError: it says that it comes from elsewhere; counting it would mix up the marks.
    """
    event = decode(model, record.payload)
    origin = event.origin
    if origin.seq != record.seq or origin.edge_id != edge_id:
        raise DeadLetterError(f"origin {origin.edge_id}/{origin.seq} is not {edge_id}/{record.seq}")
    return event
