"""Collectors: fed an answer's (decoded) bytes as they come, they find usage, model, tier and errors."""

import re
from typing import Protocol

import orjson

from tallygate.edge.dialects.bedrock.eventstream import EventStreamError, EventStreamSplitter, Message
from tallygate.edge.http import sse
from tallygate.edge.usage import tail
from tallygate.edge.usage.found import Found

MAX_JSON_BYTES = 1 << 20
"""Answers up to this are parsed; of longer ones the end is searched."""

_LAST_EVENTS = frozenset({"message_stop", "response.completed", "response.failed", "response.incomplete"})
_TELLING = re.compile(rb'"usage(?:Metadata)?"\s*:\s*\{|"error"|"message_stop"|"response\.(?:comp|fail|inc)')


class Collector(Protocol):
    """Reads along with an answer."""

    found: Found
    finished: bool
    """The last event of a stream has been seen: what may follow is nothing but the end."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        ...

    def close(self) -> None:
        """The answer has ended."""
        ...


class IgnoringCollector:
    """For answers that are neither JSON nor events."""

    def __init__(self) -> None:
        self.found = Found()
        self.finished = False

    def feed(self, data: bytes) -> None:
        """Ignore it."""

    def close(self) -> None:
        """Nothing to do."""


class JsonCollector:
    """For a JSON answer."""

    def __init__(self) -> None:
        self.found = Found()
        self.finished = False
        self._parts: list[bytes] = []
        self._size = 0
        self._head = b""
        self._tail = bytearray()

    def feed(self, data: bytes) -> None:
        """Keep the bytes, or of a long answer its end."""
        self._size += len(data)
        if self._size <= MAX_JSON_BYTES:
            self._parts.append(data)
            return
        if not self._head:
            data = b"".join((*self._parts, data))
            self._parts, self._head = [], data[: tail.TAIL_BYTES]
        self._tail += data
        if len(self._tail) > 4 * tail.TAIL_BYTES:
            del self._tail[: -tail.TAIL_BYTES]

    def close(self) -> None:
        """Read what was kept."""
        if self._size > MAX_JSON_BYTES:
            tail.scan(self.found, self._head, bytes(self._tail))
            return
        try:
            answer = orjson.loads(b"".join(self._parts))
        except orjson.JSONDecodeError:
            return
        finally:
            self._parts = []
        self.found.take(answer)


class SseCollector:
    """For a stream of server-sent events. Only the events that can tell something are parsed."""

    def __init__(self) -> None:
        self.found = Found()
        self.finished = False
        self._splitter = sse.SseSplitter()
        self._long = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        for piece in self._splitter.feed(data):
            self.take(piece)

    def take(self, piece: sse.Piece) -> None:
        """Take the next piece, split by somebody else."""
        if piece.kind == "event":
            self._event(piece.raw)
            return
        self._long += piece.raw
        if piece.kind == "last":
            self._long_event(bytes(self._long))
            self._long.clear()
        elif len(self._long) > 4 * tail.TAIL_BYTES:
            del self._long[: -tail.TAIL_BYTES]

    def close(self) -> None:
        """A last event may lack its empty line."""
        rest = self._splitter.close()
        if rest:
            self._event(rest)

    def _event(self, raw: bytes) -> None:
        data = sse.data_of(raw)
        if data == b"[DONE]":
            self.finished = True
        elif data and (not self.found.model or _TELLING.search(data) is not None):
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        self.found.take(event)
        kind = event.get("type") if isinstance(event, dict) else None
        if isinstance(kind, str) and kind in _LAST_EVENTS:
            self.finished = True

    def _long_event(self, end: bytes) -> None:
        tail.scan(self.found, b"", end)


class EventStreamCollector:
    """For Bedrock's streams: usage is in the event `metadata`."""

    def __init__(self) -> None:
        self.found = Found()
        self.finished = False
        self._splitter: EventStreamSplitter | None = EventStreamSplitter()

    def feed(self, data: bytes) -> None:
        """Take the next bytes. What is no event stream is not read on."""
        if self._splitter is None:
            return
        try:
            messages = self._splitter.feed(data)
        except EventStreamError:
            self._splitter = None
            return
        for message in messages:
            self._take(message)

    def close(self) -> None:
        """Nothing is held back."""

    def _take(self, message: Message) -> None:
        failed = message.headers.get(":message-type") == "exception"
        if not failed and message.headers.get(":event-type") != "metadata":
            return
        try:
            event = orjson.loads(message.payload)
        except orjson.JSONDecodeError:
            return
        if failed and isinstance(event, dict):
            event = {
                "error": {"code": message.headers.get(":exception-type"), "message": event.get("message")}
            }
        self.found.take(event)


def collector_for(content_type: str) -> Collector:
    """The collector for an answer's `Content-Type`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return SseCollector()
    if kind == "application/vnd.amazon.eventstream":
        return EventStreamCollector()
    if kind.endswith("json"):
        return JsonCollector()
    return IgnoringCollector()
