"""What is to be sent back: a body, or the events of a stream. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Plan:
    """An answer, ready to be sent."""

    body: bytes = b""
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    events: tuple[bytes, ...] | None = None
    """The events of a stream; None for a plain answer."""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


def dump(value: Any) -> bytes:
    """Encode as JSON. Marks of invalid bytes, which JSON can't say, become those bytes."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # lone surrogates
        return _dump_raw(value)


def _dump_raw(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


def data_event(value: Any) -> bytes:
    """One server-sent event as OpenAI and Gemini write it."""
    return b"data: " + dump(value) + b"\n\n"


def named_event(value: dict[str, Any]) -> bytes:
    """One server-sent event as Anthropic and OpenAI's Responses API write it: named after its type."""
    return b"event: " + str(value["type"]).encode() + b"\ndata: " + dump(value) + b"\n\n"
