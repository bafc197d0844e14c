"""Records that are too long: their numbers travel, their text stays."""

import base64

from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.edge.shipper.oversize import DEAD_PAYLOAD_BYTES, dead_letter, without_bodies
from tallygate.schemas.call import Body
from tallygate.schemas.codec import decode, encode
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import DeadLetter
from tallygate.schemas.topics import REQUESTS, RESPONSES
from tests.support.factories import request_event, response_event


def test_everything_but_the_bodies_is_kept() -> None:
    bodies = {"request_body": Body(text="q" * 9, size_bytes=9), "response_body": Body(text="a", size_bytes=1)}
    event = response_event(**bodies)
    short = without_bodies(OutboxRecord(1, RESPONSES.code, b"k", encode(event)))
    assert short is not None
    emptied = decode(ResponseEvent, short)
    assert emptied.request_body == Body(text="", size_bytes=9, truncated=True)
    assert emptied.response_body == Body(text="", size_bytes=1, truncated=True)
    assert emptied.model_copy(update=bodies) == event


def test_a_missing_body_stays_missing() -> None:
    short = without_bodies(OutboxRecord(1, RESPONSES.code, b"k", encode(response_event())))
    assert short is not None
    assert decode(ResponseEvent, short).request_body is None


def test_other_records_have_no_shorter_form() -> None:
    assert without_bodies(OutboxRecord(1, REQUESTS.code, b"k", encode(request_event()))) is None
    assert without_bodies(OutboxRecord(1, RESPONSES.code, b"k", b"\xff no event")) is None


def test_a_dead_letter_names_its_source_and_carries_a_beginning() -> None:
    record = OutboxRecord(77, 9, b"k", b"x" * (DEAD_PAYLOAD_BYTES + 5))
    letter = decode(DeadLetter, dead_letter(record, edge_id="e1", partition=2, reason="why", now_us=5))
    assert (letter.source, letter.partition, letter.offset) == ("outbox/e1", 2, 77)
    assert letter.reason == "why"
    assert base64.b64decode(letter.payload) == b"x" * DEAD_PAYLOAD_BYTES
