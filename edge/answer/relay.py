"""Passing an answer on, whole if it is short, else chunk by chunk; it is recorded before its last byte."""

import time
from collections.abc import Callable

from tallygate.edge.answer.tap import AnswerTap
from tallygate.edge.answer.translated import TranslatingTap
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.call import Call, elapsed_us
from tallygate.edge.http.names import RawHeaders, get
from tallygate.edge.upstream.base import UpstreamError, UpstreamProtocolError, UpstreamResponse

WHOLE_ANSWER_BYTES = 1 << 20
"""Answers that declare no more than this are read whole and written at once."""
TRANSLATED_ANSWER_BYTES = 64 << 20
"""Whole answers longer than this are not translated."""


class Relay:
    """Passes one answer on.

    `finish` writes the call's record. It is called exactly once before the last byte of a complete answer,
    and for a stream before its last event: clients stop reading there.
    """

    def __init__(
        self,
        call: Call,
        response: UpstreamResponse,
        writer: AnswerWriter,
        tap: AnswerTap | TranslatingTap,
        finish: Callable[[], None],
    ) -> None:
        self._call = call
        self._response = response
        self._writer = writer
        self._tap = tap
        self._finish = finish
        self._finished = False

    async def run(self, passed: RawHeaders, own_headers: RawHeaders) -> None:
        """Pass the answer on, with the headers that go to the caller and those of the gateway's.

        Raises:
            UpstreamError: the answer does not come whole.
            ClientGoneError: the caller left.
        """
        response = self._response
        head = [*passed, *own_headers]
        declared = _declared_length(response.headers)
        if self._writer.bodiless(response.status):
            if declared is not None and response.status != 204:
                head.append((b"Content-Length", b"%d" % declared))
            await self._whole(head, b"")
        elif self._tap.needs_whole:
            await self._whole(head, await self._all())
        elif self._tap.content_type.startswith("text/event-stream"):
            # A stream's head does not wait for its first event.
            length = None if self._tap.alters else declared
            self._writer.start(response.status, response.reason, head, length)
            await self._stream(b"", length)
        else:
            await self._body(head, declared)

    async def _body(self, head: RawHeaders, declared: int | None) -> None:
        first = await self._next()
        if self._response.ended:
            await self._whole(head, first)
        elif declared is not None and declared <= WHOLE_ANSWER_BYTES:
            parts = [first]
            while data := await self._next():
                parts.append(data)
            await self._whole(head, b"".join(parts))
        else:
            self._writer.start(self._response.status, self._response.reason, head, declared)
            await self._stream(first, declared)

    async def _all(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while data := await self._next():
            parts.append(data)
            size += len(data)
            if size > TRANSLATED_ANSWER_BYTES:
                raise UpstreamProtocolError("the answer is too long to be translated")
        return b"".join(parts)

    async def _whole(self, head: RawHeaders, body: bytes) -> None:
        body = self._tap.feed(body) + self._tap.close()
        self._end()
        status, reason = self._tap.status, self._response.reason
        await self._writer.whole(status, reason if status == self._response.status else "", head, body)

    async def _stream(self, first: bytes, declared: int | None) -> None:
        data = first or await self._next_of_stream()
        received = 0
        while data:
            received += len(data)
            onward = self._tap.feed(data)
            if self._tap.finished or received == declared:
                self._end()
            await self._writer.chunk(onward)
            data = await self._next_of_stream()
        rest = self._tap.close()
        self._end()
        await self._writer.chunk(rest)
        await self._writer.end()

    async def _next_of_stream(self) -> bytes:
        """The next bytes; none if the stream broke and the tap tells the caller so in its own dialect."""
        try:
            return await self._next()
        except UpstreamError as error:
            if not self._tap.tells_break(error.kind):
                raise
            return b""

    async def _next(self) -> bytes:
        before = time.monotonic_ns()
        data = await self._response.chunk()
        self._call.upstream_wait_us += elapsed_us(before)
        if data and self._call.ttft_us is None:
            self._call.ttft_us = elapsed_us(self._call.started_ns)
        return data

    def _end(self) -> None:
        if not self._finished:
            self._finished = True
            self._finish()


def _declared_length(raw: RawHeaders) -> int | None:
    value = get(raw, b"content-length")
    return int(value) if value.isascii() and value.isdecimal() else None
