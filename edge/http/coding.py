"""Content codings that the gateway can read, and reading them within a bound."""

import zlib
from typing import Protocol

READABLE = frozenset({"gzip", "x-gzip", "deflate", "identity", ""})
MAX_DECODED_BYTES = 64 << 20
"""A small answer may decode to gigabytes; behind this it is no longer looked at."""


class Decoder(Protocol):
    """Turns an encoded body into the original, chunk by chunk."""

    def feed(self, data: bytes) -> bytes:
        """Decode some; nothing once the body is broken or over its bound."""
        ...


class Identity:
    """No coding."""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes as they are."""
        return data


class Unreadable:
    """A coding that the gateway does not know."""

    def feed(self, data: bytes) -> bytes:
        """Return nothing."""
        del data
        return b""


class Inflate:
    """gzip and deflate (the latter with or without a zlib header, as servers differ)."""

    def __init__(self, max_bytes: int = MAX_DECODED_BYTES) -> None:
        self._left = max_bytes
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes) -> bytes:
        """Decode some; nothing once the body is broken or over its bound."""
        if self._left <= 0 or not data:
            return b""
        if self._stream is None:
            self._stream = zlib.decompressobj(_window_bits(data))
        try:
            decoded = self._stream.decompress(data, self._left)
        except zlib.error:
            self._left = 0
            return b""
        self._left -= len(decoded)
        return decoded


def _window_bits(data: bytes) -> int:
    """Detect gzip and zlib by header; anything else is a raw deflate stream."""
    looks_zlib = data[0] & 0x0F == 8 and data[0] >> 4 <= 7
    return zlib.MAX_WBITS | 32 if data[0] == 0x1F or looks_zlib else -zlib.MAX_WBITS


def decoder(content_encoding: str) -> Decoder:
    """The decoder for a `Content-Encoding`."""
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"}:
        return Identity()
    return Inflate() if coding in READABLE else Unreadable()


def readable_only(accept_encoding: str) -> str:
    """An `Accept-Encoding` without the codings in which the gateway could not find the usage."""
    kept = [item.strip() for item in accept_encoding.split(",") if _coding(item) in READABLE - {""}]
    return ", ".join(kept) or "identity"


def _coding(item: str) -> str:
    return item.partition(";")[0].strip().lower()
