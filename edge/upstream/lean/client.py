"""The client: an exchange on a pooled connection or on a new one."""

import asyncio
import ssl
from contextlib import suppress
from functools import partial

from tallygate.edge.upstream.base import UpstreamClosedError, UpstreamRequest
from tallygate.edge.upstream.lean.answer import LeanAnswer
from tallygate.edge.upstream.lean.connection import Connection
from tallygate.edge.upstream.lean.dial import CONNECT_TIMEOUT_S, Dialer
from tallygate.edge.upstream.lean.head import request_head
from tallygate.edge.upstream.lean.origin import Origin, split
from tallygate.edge.upstream.lean.pool import KEEPALIVE_S, Pool

STALE_WITHIN_S = 1.0
"""A pooled connection that ends this soon after a request, and without a byte, had been closed as idle.

Later, the provider may have begun to work on the call: a repetition would be paid for twice.
"""
_CLOSE_S = 1.0


class LeanUpstream:
    """See `base.Upstream`.

    Nothing is sent twice but for a body at hand on a pooled connection that turns out to have been closed.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        keepalive_s: float = KEEPALIVE_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        """Must be made on a running loop. `tls` replaces the context that trusts the system's authorities."""
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(self._loop, keepalive_s)
        self._dialer = Dialer(self._loop, tls, connect_timeout_s)
        self._open: set[Connection] = set()
        self._closed = False
        self._all_gone = asyncio.Event()

    async def send(self, request: UpstreamRequest) -> LeanAnswer:
        """See `base.Upstream`."""
        origin, target = split(request.url)
        head = request_head(request, origin.header, target)
        connection = self._pool.take(origin)
        if connection is not None:
            answer = self._begin(connection, request, head)
            try:
                return await _with_head(answer)
            except UpstreamClosedError:
                if not self._was_stale(connection, answer, request):
                    raise
        return await _with_head(self._begin(await self._connect(origin), request, head))

    async def close(self) -> None:
        """Close all connections; what is under way on them fails."""
        self._closed = True
        self._pool.close()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            self._all_gone.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._all_gone.wait()

    @property
    def open_connections(self) -> int:
        """Connections, free or busy."""
        return len(self._open)

    async def _connect(self, origin: Origin) -> Connection:
        connection = await self._dialer.dial(origin, partial(self._new_connection, origin))
        if self._closed:
            connection.abort()
        if not connection.usable:
            raise UpstreamClosedError("the connection was closed early")
        self._open.add(connection)
        return connection

    def _new_connection(self, origin: Origin) -> Connection:
        return Connection(self._loop, free=partial(self._pool.put, origin), gone=partial(self._gone, origin))

    def _gone(self, origin: Origin, connection: Connection) -> None:
        self._pool.forget(origin, connection)
        self._open.discard(connection)
        if not self._open:
            self._all_gone.set()

    def _begin(self, connection: Connection, request: UpstreamRequest, head: bytes) -> LeanAnswer:
        answer = LeanAnswer(self._loop, bodiless=request.method == "HEAD")
        body = request.body
        if body is None or isinstance(body, bytes):
            connection.begin(answer, head, body)
        else:
            connection.begin_upload(answer, head, body, request.length)
        return answer

    def _was_stale(self, connection: Connection, answer: LeanAnswer, request: UpstreamRequest) -> bool:
        replayable = request.body is None or isinstance(request.body, bytes)
        soon = self._loop.time() - connection.began_at <= STALE_WITHIN_S
        return replayable and soon and answer.untouched and not self._closed


async def _with_head(answer: LeanAnswer) -> LeanAnswer:
    try:
        await answer.wait_for_head()
    except asyncio.CancelledError:
        answer.close()
        raise
    return answer
