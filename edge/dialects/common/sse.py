"""Writing server-sent events."""

from typing import Any

import orjson


def data(value: Any) -> bytes:
    """An event without a name, as OpenAI's chat completions send them."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def named(name: str, value: Any) -> bytes:
    """An event with a name, as Anthropic and OpenAI's Responses send them."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(value) + b"\n\n"
