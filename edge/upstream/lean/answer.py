"""One answer, as its reader sees it: bytes come from the connection, and are taken when there is time."""

import asyncio
from collections.abc import Callable

from tallygate.edge.http.names import RawHeaders
from tallygate.edge.upstream.base import UpstreamClosedError, UpstreamError
from tallygate.edge.upstream.lean.parser import AnswerParser


class LeanAnswer:
    """See `base.UpstreamResponse`. It has its head once `wait_for_head` has returned."""

    __slots__ = ("_error", "_loop", "_parser", "_waiter", "give_up", "headers", "reason", "status", "taken")

    def __init__(self, loop: asyncio.AbstractEventLoop, *, bodiless: bool) -> None:
        self._loop = loop
        self._parser = AnswerParser(bodiless=bodiless)
        self._waiter: asyncio.Future[None] | None = None
        self._error: UpstreamError | None = None
        self.give_up: Callable[[], None] | None = None
        """Set while the answer's connection is its own: closes that."""
        self.taken: Callable[[], None] | None = None
        """Set while the connection waits for its bytes to be taken."""
        self.status = 0
        self.reason = ""
        self.headers: RawHeaders = []

    async def wait_for_head(self) -> None:
        """Wait until status and headers are there.

        Raises:
            UpstreamError: they will not come.
        """
        parser = self._parser
        while not parser.head_done:
            await self._wait()
        self.status = parser.status
        self.reason = parser.reason.decode("latin-1")
        self.headers = parser.headers

    async def chunk(self) -> bytes:
        """See `base.UpstreamResponse`. What came before an error is given out before it."""
        parser = self._parser
        while not parser.parts:
            if parser.complete:
                return b""
            await self._wait()
        data = parser.take()
        if self.taken is not None:
            self.taken()
        return data

    @property
    def ended(self) -> bool:
        """Whether the body is known to have ended."""
        return self._parser.complete and not self._parser.parts

    def close(self) -> None:
        """Give up the answer: closes its connection, unless that has been given back already."""
        if self.give_up is not None:
            self.give_up()

    @property
    def untouched(self) -> bool:
        """Whether not a byte has come."""
        return not self._parser.started

    @property
    def complete(self) -> bool:
        """Whether all of it has come."""
        return self._parser.complete

    @property
    def reusable(self) -> bool:
        """Whether its connection may carry another exchange, as far as the answer says."""
        return self._parser.complete and self._parser.keep_alive

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the body that nobody has taken yet."""
        return self._parser.buffered_bytes

    def feed(self, data: bytes) -> None:
        """The connection has received bytes.

        Raises:
            UpstreamError: they are not an answer; its reader gets the same.
        """
        try:
            self._parser.feed(data)
        except UpstreamError as error:
            self.fail(error)
            raise
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended, in good order or not."""
        try:
            if error is not None and not self._parser.complete:
                raise UpstreamClosedError(f"the connection was closed early ({type(error).__name__})")
            self._parser.end()
        except UpstreamError as early:
            self.fail(early)
        self._wake()

    def fail(self, error: UpstreamError) -> None:
        """The rest will not come. The first reason is the one that counts."""
        if self._error is None:
            self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        """Wait for whatever comes next.

        Raises:
            UpstreamError: nothing will.
        """
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
