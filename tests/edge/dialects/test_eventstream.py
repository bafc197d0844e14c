"""AWS's framing: bytes cut anywhere, broken bytes, and botocore as a second opinion."""

import struct
import zlib
from contextlib import suppress

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.dialects.bedrock.eventstream import (
    EventStreamError,
    EventStreamSplitter,
    Message,
    pack,
)
from tests.edge.dialects.provider_answers import BEDROCK_STREAM

MESSAGES = st.lists(
    st.tuples(
        st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=4), st.binary()
    ),
    max_size=4,
)
# Of every type a header can have: taken from the specification's test vectors, in hexadecimal.
ALL_TYPES = bytes.fromhex(
    "01 61 00  01 62 01  01 63 02 7f  01 64 03 0102  01 65 04 01020304  01 66 05 0102030405060708"
    "01 67 06 0003 010203  01 68 07 0002 6869  01 69 08 0102030405060708"
    "01 6a 09 0102030405060708090a0b0c0d0e0f10".replace(" ", "")
)


@given(MESSAGES, st.integers(1, 9))
def test_messages_survive_whatever_the_cut(messages: list[tuple[dict[str, str], bytes]], step: int) -> None:
    stream = b"".join(pack(headers, payload) for headers, payload in messages)
    splitter = EventStreamSplitter()
    found = [
        message for at in range(0, len(stream), step) for message in splitter.feed(stream[at : at + step])
    ]
    assert found == [Message(headers, payload) for headers, payload in messages]


def test_botocore_reads_what_is_packed() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(BEDROCK_STREAM)
    theirs = [(dict(message.headers), message.payload) for message in buffer]
    ours = [(message.headers, message.payload) for message in EventStreamSplitter().feed(BEDROCK_STREAM)]
    assert ours == theirs


def with_headers(headers: bytes) -> bytes:
    """A message with given raw headers."""
    lengths = struct.pack(">II", 16 + len(headers), len(headers))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers
    return message + struct.pack(">I", zlib.crc32(message))


def test_headers_of_every_type_are_passed_over_but_for_strings() -> None:
    stream = with_headers(ALL_TYPES)
    assert EventStreamSplitter().feed(stream) == [Message({"h": "hi"}, b"")]
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    assert len(next(buffer).headers) == 10


@pytest.mark.parametrize(
    "headers", [b"\x05ab", b"\x01a\x63", b"\x01a\x07\x00\x09ab", b"\x01a\x07\x00\x01\xff"]
)
def test_broken_headers(headers: bytes) -> None:
    with pytest.raises(EventStreamError):
        EventStreamSplitter().feed(with_headers(headers))


@pytest.mark.parametrize("at", [0, 5, 9, 20, -6, -1])
def test_a_flipped_byte_is_seen(at: int) -> None:
    message = bytearray(pack({":event-type": "metadata"}, b'{"usage": {}}'))
    message[at] ^= 0x55
    with pytest.raises(EventStreamError):
        EventStreamSplitter().feed(bytes(message))


@given(st.binary(min_size=12, max_size=200))
def test_any_bytes_are_an_error_or_wait_for_more(data: bytes) -> None:
    splitter = EventStreamSplitter()
    found: list[Message] = []
    with suppress(EventStreamError):
        found = splitter.feed(data)
    assert found == []
