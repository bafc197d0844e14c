"""Anthropic's Messages API: events to the message."""

from typing import Any

import orjson

from tallygate.schemas.assemble.merge import Text, as_dict, as_index, as_text

_KINDS = frozenset({"message_start", "content_block_start", "content_block_delta", "message_delta"})
_TEXT_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Kind of a delta to the field of it that holds the text; `partial_json` is text of the block's `input`."""


def recognises(event: dict[str, Any]) -> bool:
    """Whether an event is one of this API."""
    return as_text(event.get("type")) in _KINDS


def assemble(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Put events together."""
    message: dict[str, Any] = {}
    blocks: dict[int, _Block] = {}
    for event in events:
        kind = event.get("type")
        if kind == "message_start":
            message.update(as_dict(event.get("message")))
        elif kind in ("content_block_start", "content_block_delta"):
            blocks.setdefault(as_index(event.get("index")), _Block()).add(event)
        elif kind == "message_delta":
            message.update(as_dict(event.get("delta")))
            message["usage"] = {**as_dict(message.get("usage")), **as_dict(event.get("usage"))}
        elif kind == "error":
            message["error"] = event.get("error")
    message["content"] = [blocks[index].result() for index in sorted(blocks)]
    return message


class _Block:
    """A content block: text, thinking, a tool's use."""

    def __init__(self) -> None:
        self._start: dict[str, Any] = {}
        self._texts: dict[str, Text] = {}
        self._citations: list[Any] = []

    def add(self, event: dict[str, Any]) -> None:
        self._start.update(as_dict(event.get("content_block")))
        delta = as_dict(event.get("delta"))
        field = _TEXT_DELTAS.get(as_text(delta.get("type")))
        if field is not None:
            self._texts.setdefault(field, Text()).add(delta.get(field))
        elif delta.get("type") == "citations_delta":
            self._citations.append(delta.get("citation"))

    def result(self) -> dict[str, Any]:
        block = dict(self._start)
        for field, text in self._texts.items():
            if field == "partial_json":
                block["input"] = _tool_input(str(text))
            else:
                block[field] = f"{as_text(block.get(field))}{text}"
        if self._citations:
            block["citations"] = self._citations
        return block


def _tool_input(text: str) -> Any:
    """The tool's input as an object, or as far as it came, as text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
