"""Parsing one answer, from bytes that are cut anywhere. Pure."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tallygate.edge.http.names import RawHeaders
from tallygate.edge.upstream.base import UpstreamClosedError, UpstreamProtocolError

MAX_HEAD_BYTES = 64 * 1024
"""Of all header lines, trailers and interim answers included."""
MAX_HEADERS = 256
_SWITCHING, _FINAL = 101, 200
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_FRAMING_SIZES = frozenset({len(_LENGTH), len(_CODING)})


class AnswerParser:
    """Takes the bytes of one answer. Each has its own, so that nothing of one gets into the next."""

    __slots__ = (
        "_bodiless",
        "_fruitless_bytes",
        "_header_bytes",
        "_parser",
        "_refusal",
        "buffered_bytes",
        "complete",
        "framed",
        "head_done",
        "headers",
        "keep_alive",
        "parts",
        "reason",
        "started",
        "status",
    )

    def __init__(self, *, bodiless: bool) -> None:
        """`bodiless`: the answer to a HEAD request ends with its head, whatever that says."""
        self._bodiless = bodiless
        self._header_bytes = 0
        self._fruitless_bytes = 0
        self._refusal = ""
        self.started = False
        """Whether any byte has come."""
        self.head_done = False
        self.complete = False
        self.framed = False
        """Whether the answer says where its body ends; otherwise the connection's end does."""
        self.keep_alive = False
        """Once complete: whether the connection may carry another exchange."""
        self.status = 0
        self.reason = b""
        self.headers: RawHeaders = []
        self.parts: list[bytes] = []
        """Of the body, as they came; `take` empties it."""
        self.buffered_bytes = 0
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came from the connection.

        Raises:
            UpstreamProtocolError: this is not HTTP/1, or more than is held. The connection is of no use.
        """
        self.started = True
        if self._parser is None:
            raise UpstreamProtocolError("bytes behind an answer's end")
        before = len(self.parts)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keep_alive = False
            if not self.complete:
                raise UpstreamProtocolError(self._refusal or f"not HTTP ({error})") from error
        if self.complete:
            # The two are a cycle: left alone, it would live until the garbage collector's next run.
            self._parser = None
        elif len(self.parts) == before:
            self._bound(len(data))
        else:
            self._fruitless_bytes = 0

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        parts = self.parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self.buffered_bytes = 0
        return data

    def end(self) -> None:
        """The connection has ended in good order.

        Raises:
            UpstreamClosedError: and the answer has not.
        """
        self._parser = None
        if self.complete:
            return
        if not self.head_done or self.framed:
            raise UpstreamClosedError("the connection was closed early")
        self.complete = True

    def _bound(self, size: int) -> None:
        """A header, a trailer or a chunk's extension is held by llhttp's wrapper until it ends."""
        self._fruitless_bytes += size
        if self._fruitless_bytes > MAX_HEAD_BYTES:
            raise UpstreamProtocolError("headers too large")

    def _refuse(self, why: str) -> None:
        self._refusal = why
        raise ValueError(why)

    def on_message_begin(self) -> None:
        """Called by the parser for the first byte of a head."""
        if self.complete:
            self.keep_alive = False

    def on_status(self, reason: bytes) -> None:
        """Called by the parser, perhaps in parts."""
        if not self.head_done:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too: those are dropped."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEAD_BYTES or len(self.headers) == MAX_HEADERS:
            self._refuse("headers too large")
        if self.head_done:
            return
        self.headers.append((name, value))
        if len(name) in _FRAMING_SIZES:
            self._note_framing(name.lower(), value)

    def _note_framing(self, name: bytes, value: bytes) -> None:
        if name == _CODING:
            # Anything but this one would have to be undone here before the body is the provider's.
            if self.framed or value.strip().lower() != b"chunked":
                self._refuse("an unknown transfer coding")
            self.framed = True
        elif name == _LENGTH:
            self.framed = True

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        parser = self._parser
        if self.complete or parser is None:
            return
        self.status = parser.get_status_code()
        if self.status < _FINAL:
            self._skip_interim()
            return
        self.head_done = True
        self.keep_alive = parser.should_keep_alive() and not self._bodiless
        # llhttp's rule: whatever is not HTTP/1.1 says itself whether it is kept.
        if not self.keep_alive and parser.get_http_version() not in {"1.1", "1.0"}:
            self._refuse("not HTTP/1")
        self.complete = self._bodiless

    def _skip_interim(self) -> None:
        if self.status == _SWITCHING:
            self._refuse("a change of protocol that nobody asked for")
        self.headers.clear()
        self.reason = b""
        self.framed = False

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        if self.complete:
            self.keep_alive = False
            return
        self.parts.append(data)
        self.buffered_bytes += len(data)

    def on_message_complete(self) -> None:
        """Called by the parser, after an interim answer too."""
        if self.head_done:
            self.complete = True
