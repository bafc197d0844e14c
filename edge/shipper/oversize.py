"""Records that can't travel as they are: shortened if that is possible, else dead-lettered. Pure.

A call is counted even if its bodies are too long for the log: what is dropped is text, not numbers.
"""

import base64

from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.schemas.call import Body
from tallygate.schemas.codec import BadRecordError, decode, encode
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import DeadLetter
from tallygate.schemas.topics import RESPONSES

DEAD_PAYLOAD_BYTES = 64 * 1024
"""A dead letter carries this much of the payload; the shipper keeps the whole of it on disk."""


def without_bodies(record: OutboxRecord) -> bytes | None:
    """A response event's payload with its bodies marked as truncated to nothing; None if it isn't one."""
    if record.topic != RESPONSES.code:
        return None
    try:
        event = decode(ResponseEvent, record.payload)
    except BadRecordError:
        return None
    bodies = {"request_body": _emptied(event.request_body), "response_body": _emptied(event.response_body)}
    return encode(event.model_copy(update=bodies))


def dead_letter(record: OutboxRecord, *, edge_id: str, partition: int, reason: str, now_us: int) -> bytes:
    """The encoded dead letter of a record."""
    return encode(
        DeadLetter(
            source=f"outbox/{edge_id}",
            partition=partition,
            offset=record.seq,
            reason=reason,
            payload=base64.b64encode(record.payload[:DEAD_PAYLOAD_BYTES]).decode(),
            failed_at_us=now_us,
        )
    )


def _emptied(body: Body | None) -> Body | None:
    return body and body.model_copy(update={"text": "", "truncated": True})
