"""Server-sent events from objects."""

from collections.abc import Iterable
from typing import Any

import orjson


def unnamed(events: Iterable[dict[str, Any]]) -> bytes:
    """Events of data only, as OpenAI's chat has them, with its end mark."""
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def named(events: Iterable[dict[str, Any]]) -> bytes:
    """Events named after their `type`."""
    return b"".join(
        b"event: " + str(event.get("type")).encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n"
        for event in events
    )


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
