"""Events come out the same wherever the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.http.sse import SseSplitter, data_of

STREAM = (
    b": ping\n\n"
    b'data: {"a": 1}\n\n'
    b'event: x\r\ndata: {"b":\r\ndata: 2}\r\n\r\n'
    b"data\rdata: \xff\r\r"
    b"id: 1\n\r\n"
    b"data: [DONE]\n\n"
)
EVENTS = [
    b": ping\n\n",
    b'data: {"a": 1}\n\n',
    b'event: x\r\ndata: {"b":\r\ndata: 2}\r\n\r\n',
    b"data\rdata: \xff\r\r",
    b"id: 1\n\r\n",
    b"data: [DONE]\n\n",
]


def split(parts: list[bytes], limit: int = 1 << 20) -> tuple[list[bytes], bytes]:
    splitter = SseSplitter(limit)
    pieces = [piece.raw for part in parts for piece in splitter.feed(part)]
    return pieces, splitter.close()


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_cut_at_every_byte(cut: int) -> None:
    assert split([STREAM[:cut], STREAM[cut:]]) == (EVENTS, b"")


def test_byte_by_byte() -> None:
    assert split([bytes([byte]) for byte in STREAM]) == (EVENTS, b"")


@given(st.lists(st.binary(max_size=20)), st.integers(min_value=8, max_value=40))
def test_no_byte_is_lost_or_changed(parts: list[bytes], limit: int) -> None:
    pieces, rest = split(parts, limit)
    assert b"".join(pieces) + rest == b"".join(parts)


@given(st.lists(st.sampled_from([b"data: x", b"\r", b"\n", b"\r\n", b"\n\n"])), st.data())
def test_cuts_do_not_matter(tokens: list[bytes], data: st.DataObject) -> None:
    text = b"".join(tokens)
    cut = data.draw(st.integers(min_value=0, max_value=len(text)))
    whole, rest = split([text])
    pieces, other_rest = split([text[:cut], text[cut:]])
    assert (pieces, other_rest) == (whole, rest)


def test_an_overlong_event_passes_in_parts() -> None:
    splitter = SseSplitter(16)
    event = b"data: " + b"x" * 50 + b"\n\n"
    kinds = [piece.kind for at in range(0, len(event), 10) for piece in splitter.feed(event[at : at + 10])]
    assert kinds[-1] == "last"
    assert set(kinds[:-1]) == {"part"}
    assert [piece.kind for piece in splitter.feed(b"data: y\n\n")] == ["event"]


def test_unfinished_event_is_left() -> None:
    assert split([b"data: 1\n\ndata: 2\n"]) == ([b"data: 1\n\n"], b"data: 2\n")


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\n\n", b"a"),
        (b"data:  a\n\n", b" a"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\r\ndata: a\r\n\r\n", b"a"),
        (b"data\n\n", b""),
        (b": comment\n\n", b""),
        (b"database: a\n\n", b""),
    ],
)
def test_data_of_an_event(event: bytes, data: bytes) -> None:
    assert data_of(event) == data
