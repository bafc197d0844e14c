"""Finding the top-level fields of a JSON object in its bytes, while they arrive.

For bodies that are too large to be parsed before they are passed on, and for changing one value while every
other byte stays. It is tolerant: it finds fields in well-formed JSON and promises nothing about the rest.
"""

import re
from typing import Any

import orjson

_STRING_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_TO_TOKEN_AT_TOP = re.compile(rb'[^"{}\[\]:,]*+')
_TO_TOKEN_BELOW = re.compile(rb'[^"{}\[\]]*+')
_QUOTE, _BACKSLASH, _COLON, _COMMA = b'"\\:,'
_OPEN, _CLOSE = frozenset(b"{["), frozenset(b"}]")


class TopLevelScanner:
    """Keeps the bytes it was fed, and where each top-level value lies among them."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.spans: dict[str, tuple[int, int]] = {}
        """By key, the start and the end of its last value, white space included."""
        self.object_start = -1
        """Offset behind the opening brace; -1 if the text is no object, or has not begun."""
        self._at = 0
        self._depth = 0
        self._string_start = -1
        self._key: str | None = None
        self._last_string = (0, 0)
        self._value_start = -1
        self._stopped = False

    def feed(self, data: bytes) -> None:
        """Take more of the text."""
        self.buffer += data
        while not self._stopped and self._at < len(self.buffer) and self._step():
            pass

    def value(self, key: str) -> Any:
        """The value of a field, None if it is absent, not complete yet, or not JSON."""
        span = self.spans.get(key)
        if span is None:
            return None
        try:
            return orjson.loads(memoryview(self.buffer)[span[0] : span[1]])
        except orjson.JSONDecodeError:
            return None

    def _step(self) -> bool:
        """Go on by one token; False if there are not enough bytes for one."""
        if self._string_start >= 0:
            return self._in_string()
        skip = _TO_TOKEN_AT_TOP if self._depth == 1 else _TO_TOKEN_BELOW
        match = skip.match(self.buffer, self._at)
        self._at = match.end() if match else self._at
        if self._at >= len(self.buffer):
            return False
        self._token(self.buffer[self._at])
        return True

    def _in_string(self) -> bool:
        match = _STRING_REST.match(self.buffer, self._at)
        end = match.end() if match else self._at
        self._at = end
        if end >= len(self.buffer) or self.buffer[end] == _BACKSLASH:
            return False
        self._last_string = (self._string_start, end + 1)
        self._string_start = -1
        self._at = end + 1
        return True

    def _token(self, byte: int) -> None:
        at = self._at
        self._at += 1
        if byte == _QUOTE:
            self._string_start = at
        elif byte in _OPEN:
            self._open(at, byte)
        elif byte in _CLOSE:
            self._close(at)
        elif byte == _COLON:
            self._begin_value(at + 1)
        elif byte == _COMMA:
            self._end_value(at)

    def _open(self, at: int, byte: int) -> None:
        if self._depth == 0:
            self._stopped = byte != ord("{") or self.object_start >= 0
            self.object_start = self.object_start if self._stopped else at + 1
        self._depth += 1

    def _close(self, at: int) -> None:
        if self._depth == 1:
            self._end_value(at)
            self._stopped = True
        self._depth -= 1

    def _begin_value(self, at: int) -> None:
        if self._value_start >= 0:
            return
        start, end = self._last_string
        try:
            key = orjson.loads(memoryview(self.buffer)[start:end])
        except orjson.JSONDecodeError:
            key = None
        self._key = key if isinstance(key, str) else None
        self._value_start = at

    def _end_value(self, at: int) -> None:
        if self._key is not None and self._value_start >= 0:
            self.spans[self._key] = (self._value_start, at)
        self._key, self._value_start = None, -1
