"""Taking out of a stream the usage chunk that the caller did not ask for; every other byte stays."""

import orjson

from tallygate.edge.http.sse import Piece, SseSplitter, data_of

MAX_HELD_BYTES = 64 * 1024
"""A usage chunk is far smaller: what is longer goes on without waiting for its end."""


class UsageHider:
    """A filter for chat completion streams. Holds an event only until its end has come."""

    def __init__(self) -> None:
        self._splitter = SseSplitter(MAX_HELD_BYTES)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return those that go on."""
        return b"".join(piece.raw for piece in self._splitter.feed(data) if not _hidden(piece))

    def close(self) -> bytes:
        """What is left when the stream has ended."""
        rest = self._splitter.close()
        return b"" if _hidden(Piece(rest, "event")) else rest


def _hidden(piece: Piece) -> bool:
    """Whether this is a chunk without choices that carries usage: what `include_usage` adds."""
    if piece.kind != "event" or b'"usage"' not in piece.raw:
        return False
    try:
        chunk = orjson.loads(data_of(piece.raw))
    except orjson.JSONDecodeError:
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)
