"""One connection to a provider: a protocol that carries one exchange after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

from tallygate.edge.upstream.base import UpstreamClosedError, UpstreamError
from tallygate.edge.upstream.lean.answer import LeanAnswer
from tallygate.edge.upstream.lean.upload import upload
from tallygate.runtime.tasks import spawn

PAUSE_BYTES = 256 * 1024
"""Of an answer, if its reader does not take them: then the provider has to wait."""
_JOIN_BYTES = 64 * 1024
"""Up to this, copying head and body together is cheaper than two buffers."""


class Connection(asyncio.Protocol):
    """Free, or busy with one exchange, or lost for good."""

    __slots__ = (
        "_answer",
        "_drained",
        "_free",
        "_gone",
        "_loop",
        "_lost",
        "_paused",
        "_transport",
        "_upload",
        "began_at",
        "exchanges",
        "free_since",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        free: Callable[["Connection"], None],
        gone: Callable[["Connection"], None],
    ) -> None:
        """`free` is called when an exchange is over and another may follow, `gone` when none ever will."""
        self._loop = loop
        self._free = free
        self._gone = gone
        self._transport: asyncio.Transport
        self._answer: LeanAnswer | None = None
        self._upload: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._paused = False
        self._lost = False
        self.exchanges = 0
        """How many have begun."""
        self.began_at = 0.0
        """When the last one began, by the loop's clock."""
        self.free_since = 0.0
        """For the pool's use."""

    @property
    def usable(self) -> bool:
        """Whether it is not known to have ended."""
        return not self._lost and not self._transport.is_closing()

    def begin(self, answer: LeanAnswer, head: bytes, body: bytes | None) -> None:
        """Send a request whose body is at hand; what comes back goes to `answer`."""
        self._begin(answer)
        if not body:
            self._transport.write(head)
        elif len(body) <= _JOIN_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def begin_upload(
        self, answer: LeanAnswer, head: bytes, body: AsyncIterator[bytes], length: int | None
    ) -> None:
        """Send a request, and its body as that comes; the answer need not wait for its end."""
        self._begin(answer)
        self._transport.write(head)
        self._upload = spawn(self._send(answer, body, length), name="upload")

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        answer = self._release()
        if answer is not None:
            answer.fail(UpstreamClosedError("the answer was given up"))
        self._lost = True
        self._transport.abort()

    def close(self) -> None:
        """Close a free connection."""
        self._lost = True
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        answer = self._answer
        if answer is None:  # nothing was asked: the next answer must not begin with it
            if not self._lost:
                self.abort()
            return
        try:
            answer.feed(data)
        except UpstreamError:
            self.abort()
            return
        if answer.complete:
            self._end_exchange(answer)
        elif answer.buffered_bytes > PAUSE_BYTES and not self._paused:
            self._pause(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._lost = True
        answer = self._release()
        if answer is not None:
            answer.connection_lost(exc)
        self._gone(self)

    def pause_writing(self) -> None:
        """Called by the loop: the provider does not keep up with what is sent."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Called by the loop."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def _begin(self, answer: LeanAnswer) -> None:
        self._answer = answer
        answer.give_up = self.abort
        self.exchanges += 1
        self.began_at = self._loop.time()

    def _release(self) -> LeanAnswer | None:
        """End the exchange, if there is one; what is still being sent is not sent to its end."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.give_up = answer.taken = None
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
        return answer

    def _end_exchange(self, answer: LeanAnswer) -> None:
        """The answer is complete. After one that came before its request was sent, nothing may follow."""
        sent = self._upload is None and not self._transport.get_write_buffer_size()
        self._release()
        if not (sent and answer.reusable and self.usable):
            self.abort()
            return
        self._resume()
        self._free(self)

    def _pause(self, answer: LeanAnswer) -> None:
        if self.usable:
            self._paused = True
            answer.taken = self._resume
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            if self.usable:
                self._transport.resume_reading()

    async def _send(self, answer: LeanAnswer, body: AsyncIterator[bytes], length: int | None) -> None:
        try:
            await upload(body, length, self._write)
        except UpstreamError as error:
            answer.fail(error)
            self._upload = None
            self.abort()
        else:
            self._upload = None

    async def _write(self, data: bytes) -> None:
        if not self.usable:
            # `connection_lost` is about to come: it knows why, and ends the upload.
            await self._loop.create_future()
        self._transport.write(data)
        if self._drained is not None:
            await self._drained
