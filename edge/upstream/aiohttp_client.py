"""The interface on aiohttp's client; the only place where that client's exceptions are known."""

import asyncio
import ssl
from weakref import WeakSet

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict
from yarl import URL

from tallygate.edge.http.names import RawHeaders, text
from tallygate.edge.upstream.base import (
    UpstreamClosedError,
    UpstreamConnectError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRequest,
    UpstreamTimeoutError,
)

CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 15.0
"""Shorter than providers keep idle connections: a POST on one that they close meanwhile can't be repeated."""
MAX_HEADER_BYTES = 64 * 1024

_SKIP_AUTO_HEADERS = (hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE)


class AiohttpUpstream:
    """A pooled client on `aiohttp.ClientSession`."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        """Must be made on a running loop. `tls` replaces the context that trusts the system's authorities."""
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEEPALIVE_S, ttl_dns_cache=60, ssl=True if tls is None else tls
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            skip_auto_headers=_SKIP_AUTO_HEADERS,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )

    async def send(self, request: UpstreamRequest) -> "AiohttpResponse":
        """See `base.Upstream`."""
        headers = CIMultiDict((name.decode("latin-1"), text(value)) for name, value in request.headers)
        if request.body is not None and request.length is not None:
            headers[hdrs.CONTENT_LENGTH] = str(request.length)
        try:
            response = await self._session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=headers,
                data=request.body,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _mapped(error) from error
        return AiohttpResponse(response)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class AiohttpResponse:
    """An answer of aiohttp's client."""

    __slots__ = ("_closed", "_content", "_response", "headers", "reason", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        self.status = response.status
        self.reason = response.reason or ""
        self.headers: RawHeaders = list(response.raw_headers)
        connection = response.connection
        protocol = connection.protocol if connection is not None else None
        self._closed = protocol.closed if protocol is not None else None
        if self._closed is not None:
            self._closed.add_done_callback(self._lost)
            if self._closed not in _retrieved:
                _retrieved.add(self._closed)
                self._closed.add_done_callback(_retrieve)

    async def chunk(self) -> bytes:
        """See `base.UpstreamResponse`."""
        try:
            return await self._content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _mapped(error) from error

    @property
    def ended(self) -> bool:
        """Whether the body is known to have ended."""
        return self._content.at_eof()

    def close(self) -> None:
        """Give up the answer."""
        if self._closed is not None:
            self._closed.remove_done_callback(self._lost)
        self._response.close()

    def _lost(self, closed: asyncio.Future[None]) -> None:
        """The connection is gone.

        When the framing of a body breaks off, aiohttp 3.14 closes the connection and leaves whoever reads
        the body waiting for ever.
        """
        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError("connection lost"))


_retrieved: WeakSet[asyncio.Future[None]] = WeakSet()


def _retrieve(closed: asyncio.Future[None]) -> None:
    """Look at a connection's end: an error that nobody looks at is logged."""
    if not closed.cancelled():
        closed.exception()


def _mapped(error: Exception) -> UpstreamError:
    """The error of ours for one of aiohttp's. Messages name no URL: it may carry a key."""
    name = type(error).__name__
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return UpstreamConnectError(f"no connection ({_reason(error)})")
        case TimeoutError():
            return UpstreamTimeoutError(f"no answer in time ({name})")
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL():
            return UpstreamProtocolError(f"not HTTP ({name})")
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError() | OSError():
            return UpstreamClosedError(f"the connection was closed early ({name})")
        case _:
            return UpstreamProtocolError(f"not HTTP ({name})")


def _reason(error: Exception) -> str:
    os_error = getattr(error, "os_error", None)
    return (os_error.strerror if isinstance(os_error, OSError) else None) or type(error).__name__
