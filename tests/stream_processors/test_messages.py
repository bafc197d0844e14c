"""What is told of lines that are no records."""

import base64

import pytest

from tallygate.runtime.messages import Place
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import decode
from tallygate.schemas.records import DeadLetter
from tallygate.stream_processors.messages import DEAD_PAYLOAD_BYTES, BadLine, dead_letters, origin_of

PLACE = Place("llm.responses", 2)


def letter(line: bytes) -> DeadLetter:
    """The letter of a line."""
    ((place, (message,)),) = dead_letters(PLACE, [BadLine(7, line, "why")], 5).items()
    assert place == Place("llm.deadletter", 2)
    assert message.value is not None
    return decode(DeadLetter, message.value)


def test_a_letter_tells_where_it_is_from_and_why() -> None:
    line = b'{"event":"llm.response","origin":{"edge_id":"a","seq":9},"status":"x"}'
    found = letter(line)
    assert (found.source, found.partition, found.offset, found.reason) == (*PLACE, 7, "why")
    assert base64.b64decode(found.payload) == line
    assert found.origin == Origin(edge_id="a", seq=9)
    assert not found.payload_truncated


def test_a_long_line_is_cut_and_that_is_told() -> None:
    found = letter(b"x" * (DEAD_PAYLOAD_BYTES + 1))
    assert found.payload_truncated
    assert len(base64.b64decode(found.payload)) == DEAD_PAYLOAD_BYTES


@pytest.mark.parametrize(
    "line",
    [b"", b"\xff", b"[1]", b"3", b"null", b"{}", b'{"origin":3}', b'{"origin":{"edge_id":"","seq":-1}}'],
)
def test_what_names_no_origin_has_none(line: bytes) -> None:
    assert origin_of(line) is None
