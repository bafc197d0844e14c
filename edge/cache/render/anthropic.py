"""A message of Anthropic's API as a stream."""

from collections.abc import Iterator
from typing import Any

import orjson

from tallygate.edge.cache.render.events import dicts, named

_TEXTS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}
"""Kind of a block to its field that streams, and the kind of the delta."""
_ENDING = ("stop_reason", "stop_sequence")


def render(answer: dict[str, Any]) -> bytes:
    """The message's start, its blocks, its end."""
    return named(_events(answer))


def _events(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    start = {**answer, "content": [], **dict.fromkeys(_ENDING)}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(dicts(answer.get("content"))):
        yield from _block(index, block)
    yield {
        "type": "message_delta",
        "delta": {name: answer.get(name) for name in _ENDING},
        "usage": answer.get("usage") if isinstance(answer.get("usage"), dict) else {},
    }
    yield {"type": "message_stop"}


def _block(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    start, deltas = _split(block)
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _split(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it starts, and what is then added to it. Blocks of other kinds come whole."""
    start = dict(block)
    deltas: list[dict[str, Any]] = []
    kind = block.get("type")
    if isinstance(kind, str) and kind in _TEXTS:
        field, delta = _TEXTS[kind]
        deltas.append({"type": delta, field: start.get(field) or ""})
        start[field] = ""
        if start.get("signature"):
            deltas.append({"type": "signature_delta", "signature": start["signature"]})
            start["signature"] = ""
        citations = dicts(start.get("citations"))
        deltas.extend({"type": "citations_delta", "citation": citation} for citation in citations)
        if start.get("citations"):
            start["citations"] = []
    elif kind in ("tool_use", "server_tool_use"):
        deltas.append({"type": "input_json_delta", "partial_json": orjson.dumps(start.get("input")).decode()})
        start["input"] = {}
    return start, deltas
