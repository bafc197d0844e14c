"""A stored answer and its bytes. Pure."""

import struct
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Kind = Literal["json", "sse", "raw"]
_HEAD = struct.Struct("<BI")
_VERSION = 1

KEPT_HEADERS = frozenset({"content-type", "openai-model", "openai-version"})
"""Headers of the provider that stay true. Its request id and rate-limit state do not."""


class BadEntryError(ValueError):
    """The bytes are no entry of this version: to be treated as if there were none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A complete 200 answer."""

    kind: Kind
    """`json`; `sse`, a whole stream; `raw`, anything else, which is served only as it is."""
    body: bytes
    """As the provider sent it, without content encoding; of a stream, all its events."""
    created_ms: int
    headers: tuple[tuple[str, str], ...] = ()
    provider: str = ""
    model: str = ""
    usage: dict[str, Any] | None = None
    """As in `ResponseEvent`: what a hit saved is computed from it."""
    usage_flavor: str = ""
    service_tier: str = ""
    request_id: str = ""
    """Of the call that was answered by the provider."""

    def encode(self) -> bytes:
        """The entry as bytes."""
        meta = orjson.dumps(
            {
                "kind": self.kind,
                "created_ms": self.created_ms,
                "headers": self.headers,
                "provider": self.provider,
                "model": self.model,
                "usage": self.usage,
                "usage_flavor": self.usage_flavor,
                "service_tier": self.service_tier,
                "request_id": self.request_id,
            }
        )
        return _HEAD.pack(_VERSION, len(meta)) + meta + self.body

    @classmethod
    def decode(cls, data: bytes) -> "Entry":
        """Read an entry.

        Raises:
            BadEntryError: it is none.
        """
        try:
            version, length = _HEAD.unpack_from(data)
            if version != _VERSION:
                raise BadEntryError(f"version {version}")
            meta = orjson.loads(data[_HEAD.size : _HEAD.size + length])
            meta["headers"] = tuple((name, value) for name, value in meta["headers"])
            return cls(**meta, body=data[_HEAD.size + length :])
        except (struct.error, orjson.JSONDecodeError, TypeError, ValueError, KeyError) as error:
            raise BadEntryError(str(error)) from error


def kept_headers(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those of the provider's headers that are stored, names in lower case."""
    return tuple((name.lower(), value) for name, value in headers if name.lower() in KEPT_HEADERS)
