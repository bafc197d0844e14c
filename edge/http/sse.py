"""Splitting a stream of server-sent events into events, from bytes that are cut anywhere.

Nothing is decoded and no byte is lost: the pieces put together are the stream again. Line ends may be LF,
CRLF or CR, as the specification allows (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import re
from typing import Literal, NamedTuple

MAX_EVENT_BYTES = 1 << 20

# An event ends with an empty line. The first line end is atomic: CRLF is one line end and not two.
_END = re.compile(rb"(?>\r\n|\n|\r)(?:\r\n|\n|\r)")
_LONGEST_END = 4


class Piece(NamedTuple):
    """A whole event; or a part, or the last part, of an event that is too long to be kept."""

    raw: bytes
    kind: Literal["event", "part", "last"]


class SseSplitter:
    """Incremental splitter holding at most one event, and never more than `max_event_bytes` of it."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._pending = b""
        self._searched = 0
        self._in_long_event = False

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes; return the pieces that they complete."""
        buffer = self._pending + data if self._pending else data
        pieces: list[Piece] = []
        start, search = 0, self._searched
        while (end := _event_end(buffer, search)) is not None:
            pieces.append(Piece(buffer[start:end], "last" if self._in_long_event else "event"))
            self._in_long_event = False
            start = search = end
        self._pending = buffer[start:]
        self._searched = max(0, len(self._pending) - _LONGEST_END)
        if len(self._pending) > self._limit:
            pieces.append(self._spill())
        return pieces

    def close(self) -> bytes:
        """Return what is left at the end of the stream: an event that was never finished, or nothing."""
        rest, self._pending, self._searched = self._pending, b"", 0
        return rest

    def _spill(self) -> Piece:
        """Give out an overlong event's bytes, but for those in which its end may have begun."""
        keep = len(self._pending) - _LONGEST_END
        part, self._pending = self._pending[:keep], self._pending[keep:]
        self._searched = 0
        self._in_long_event = True
        return Piece(part, "part")


def _event_end(buffer: bytes, search: int) -> int | None:
    match = _END.search(buffer, search)
    if match is None:
        return None
    end = match.end()
    # A CR at the very end may be the first half of a CRLF.
    if end == len(buffer) and buffer[end - 1] == 0x0D:
        return None
    return end


def data_of(event: bytes) -> bytes:
    """The data of an event: its `data` lines joined by a newline."""
    if event.startswith(b"data: ") and event.endswith(b"\n\n") and event.count(b"\n") == 2:
        return event[6:-2]
    lines = re.split(rb"\r\n|\n|\r", event)
    return b"\n".join(_value(line) for line in lines if line.startswith(b"data:") or line == b"data")


def _value(line: bytes) -> bytes:
    return line[5:].removeprefix(b" ")
