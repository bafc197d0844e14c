"""The parts without sockets: addresses, heads, parsing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.upstream.base import UpstreamClosedError, UpstreamProtocolError, UpstreamRequest
from tallygate.edge.upstream.lean.head import request_head
from tallygate.edge.upstream.lean.origin import split
from tallygate.edge.upstream.lean.parser import MAX_HEAD_BYTES, AnswerParser
from tests.support.provider import chunk, http

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_addresses() -> None:
    origin, target = split("HTTPS://API.openai.com/v1/a%20b?x=/?y#part")
    assert (origin.tls, origin.host, origin.port, origin.header) == (
        True,
        "api.openai.com",
        443,
        b"api.openai.com",
    )
    assert target == b"/v1/a%20b?x=/?y"
    assert split("http://[::1]:8080")[0] == (False, "::1", 8080, b"[::1]:8080")
    assert split("http://x?q")[1] == b"/?q"
    assert split("https://x:443/")[0] == split("https://x/")[0]


@pytest.mark.parametrize(
    "url", ["http://a@b/", "http://x/a b", "http://x/\r\nX: y", "http://x:0/", "http://x:99999/", "http://é/"]
)
def test_no_addresses(url: str) -> None:
    with pytest.raises(UpstreamProtocolError):
        split(url)


def test_what_is_the_clients_own_is_not_passed_on() -> None:
    own = [b"Host", b"Content-LENGTH", b"transfer-encoding", b"Connection", b"Expect", b"Upgrade", b"TE"]
    request = UpstreamRequest("POST", "", [*((name, b"1") for name in own), (b"X", b"y")], b"12", 2)
    assert request_head(request, b"h", b"/") == (
        b"POST / HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 2\r\n\r\n"
    )


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=12)), max_size=4))
def test_a_head_has_the_lines_that_were_meant_or_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        head = request_head(UpstreamRequest("GET", "", headers, None, None), b"h", b"/")
    except UpstreamProtocolError:
        return
    assert head.index(b"\r\n\r\n") == len(head) - 4
    assert len(head.split(b"\r\n")) <= len(headers) + 4
    assert not {b"\r", b"\n", b"\0"} & {bytes([c]) for c in head.replace(b"\r\n", b"")}


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.data())
def test_cuts_do_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + b"".join(map(chunk, parts)) + b"0\r\nT: v\r\n\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    parser = AnswerParser(bodiless=False)
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        if start < end:
            parser.feed(raw[start:end])
    assert (parser.complete, parser.keep_alive, parser.status) == (True, True, 200)
    assert parser.take() == b"".join(parts)
    assert parser.headers == [(b"Transfer-Encoding", b"chunked")]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    parser = AnswerParser(bodiless=False)
    try:
        parser.feed(b"HTTP/1.1 200 OK\r\n" + data)
        parser.end()
    except (UpstreamProtocolError, UpstreamClosedError):
        return
    assert parser.complete


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_refused_answers(head: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        AnswerParser(bodiless=False).feed(head)


@pytest.mark.parametrize(
    "endless",
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"", b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n"),
        (CHUNKED + b"0\r\nX: ", b"y"),
        (CHUNKED + b"5;x=", b"y"),
    ],
)
def test_what_never_ends_is_not_held_for_ever(endless: tuple[bytes, bytes]) -> None:
    start, more = endless
    parser = AnswerParser(bodiless=False)
    parser.feed(start + more)

    def feed_on() -> None:
        for _ in range(MAX_HEAD_BYTES // len(more) + 2):
            parser.feed(more)

    with pytest.raises(UpstreamProtocolError, match="too large"):
        feed_on()


def test_a_long_stream_in_small_packets_is_not_taken_for_that() -> None:
    parser = AnswerParser(bodiless=False)
    parser.feed(CHUNKED)
    for _ in range(MAX_HEAD_BYTES // 4):
        for packet in (b"2\r\n", b"ab", b"\r\n"):
            parser.feed(packet)
        assert parser.take() == b"ab"


def test_bytes_behind_an_answer() -> None:
    parser = AnswerParser(bodiless=False)
    parser.feed(http(b"ok") + http(b"more"))
    assert (parser.take(), parser.complete, parser.keep_alive) == (b"ok", True, False)
    with pytest.raises(UpstreamProtocolError):
        parser.feed(b"more")
