"""Keeping the start of a body for the record."""

import base64
import codecs
from collections.abc import Collection
from typing import Any

REDACTED = b"[redacted]"
_TELLING_BYTES = 6
"""A shorter start of a secret tells nothing: many begin alike."""


class Capture:
    """The first bytes of a body, and how long it was in all."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._parts: list[bytes] = []
        self._kept = 0
        self.size_bytes = 0
        self._seen = 0

    def add(self, data: bytes, *, wire_bytes: int | None = None) -> None:
        """Take the next bytes of the body, which took `wire_bytes` on the wire (default: as many)."""
        self.size_bytes += len(data) if wire_bytes is None else wire_bytes
        self._seen += len(data)
        room = self._limit - self._kept
        if room > 0 and data:
            part = bytes(data[:room])
            self._parts.append(part)
            self._kept += len(part)

    def replace(self, decoded: bytes) -> None:
        """Keep the start of the body as it is without its content coding."""
        self._parts, self._kept, self._seen = [], 0, 0
        self.add(decoded, wire_bytes=0)

    def body(self, secrets: Collection[str] = ()) -> dict[str, Any]:
        """The capture in the form of `schemas.call.Body`, without the secrets if they occur in it."""
        data = b"".join(self._parts)
        unreadable = self.size_bytes > 0 and self._seen == 0
        truncated = unreadable or self._seen > len(data)
        data = redact(data, secrets)
        if truncated:
            data = without_cut_secret(data, secrets)
        text = _as_text(data, cut=truncated)
        return {
            "text": base64.b64encode(data).decode() if text is None else text,
            "encoding": "base64" if text is None else "utf-8",
            "size_bytes": self.size_bytes,
            "truncated": truncated,
        }


def redact(data: bytes, secrets: Collection[str]) -> bytes:
    """The bytes with each secret replaced."""
    for secret in secrets:
        if (raw := secret.encode("utf-8", "surrogatepass")) in data:
            data = data.replace(raw, REDACTED)
    return data


def without_cut_secret(data: bytes, secrets: Collection[str]) -> bytes:
    """The start of a text, without the part of a secret that was left where it was cut."""
    for secret in secrets:
        raw = secret.encode("utf-8", "surrogatepass")
        for length in range(len(raw) - 1, _TELLING_BYTES - 1, -1):
            if data.endswith(raw[:length]):
                return data[:-length] + REDACTED
    return data


def _as_text(data: bytes, *, cut: bool) -> str | None:
    """The bytes as UTF-8, None if they are not; a character cut at the end of a prefix does not count."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, final=not cut)
    except UnicodeDecodeError:
        return None
