"""Writing an answer to the caller's connection, without aiohttp's response objects.

Those cost more than the rest of forwarding a head; and the provider's header lines go on as they came, their
order and case included.
"""

from http import HTTPStatus

from aiohttp import HttpVersion11
from aiohttp.web_request import BaseRequest

from tallygate.edge.http.names import RawHeaders

_BODILESS = frozenset({204, 304})


class ClientGoneError(ConnectionError):
    """The caller has closed the connection."""


class Answered:
    """What the handler returns to aiohttp's server: the answer is written already.

    The server calls `prepare` and `write_eof` and reads `keep_alive` of whatever a handler returns.
    """

    __slots__ = ("keep_alive",)

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive

    async def prepare(self, request: BaseRequest) -> None:
        """Nothing is left to be sent."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to be sent."""


class AnswerWriter:
    """Writes one answer. All methods raise `ClientGoneError` if the caller is gone."""

    def __init__(self, request: BaseRequest, *, keep_alive: bool) -> None:
        self._request = request
        self._http11 = request.version >= HttpVersion11
        self._chunked = False
        self._head = request.method == "HEAD"
        self.keep_alive = keep_alive and request.keep_alive
        self.status = 0
        """Of the answer whose head has gone to the caller; 0 as long as another one is possible."""

    def bodiless(self, status: int) -> bool:
        """Whether the answer to this request has no body by HTTP's rules."""
        return self._head or status in _BODILESS or status < 200

    async def whole(self, status: int, reason: str, headers: RawHeaders, body: bytes) -> None:
        """Write a complete answer at once."""
        if not self.bodiless(status):
            headers = [*headers, (b"Content-Length", b"%d" % len(body))]
        self._write(self._head_bytes(status, reason, headers) + (b"" if self._head else body))
        self.status = status
        await self._request.writer.drain()

    def start(self, status: int, reason: str, headers: RawHeaders, length: int | None) -> None:
        """Write the head; the body is to follow in chunks. Its length is None if it isn't known."""
        if length is not None:
            headers = [*headers, (b"Content-Length", b"%d" % length)]
        elif self._http11:
            self._chunked = True
            headers = [*headers, (b"Transfer-Encoding", b"chunked")]
        else:  # the end of the connection is the end of the body
            self.keep_alive = False
        self._write(self._head_bytes(status, reason, headers))
        self.status = status

    async def chunk(self, data: bytes) -> None:
        """Write a part of the body, and wait while the caller does not keep up."""
        if not data:
            return
        self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        await self._request.writer.drain()

    async def end(self) -> None:
        """The body is complete."""
        if self._chunked:
            self._write(b"0\r\n\r\n")
            await self._request.writer.drain()

    def abort(self) -> None:
        """Break the connection, so that a broken answer can't be taken for a complete one."""
        self.keep_alive = False
        if (transport := self._request.transport) is not None:
            transport.abort()

    def answered(self) -> Answered:
        """For aiohttp's server."""
        return Answered(keep_alive=self.keep_alive)

    def _write(self, data: bytes) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ClientGoneError
        transport.write(data)

    def _head_bytes(self, status: int, reason: str, headers: RawHeaders) -> bytes:
        lines = [b"HTTP/1.1 %d %b" % (status, (reason or _phrase(status)).encode("latin-1", "replace"))]
        lines += [b"%b: %b" % header for header in headers]
        if not self.keep_alive:
            lines.append(b"Connection: close")
        elif not self._http11:
            lines.append(b"Connection: keep-alive")
        lines.append(b"\r\n")
        return b"\r\n".join(lines)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
