"""A response of OpenAI's Responses API as a stream."""

from collections.abc import Iterator
from typing import Any

from tallygate.edge.cache.render.events import dicts, named

_ARGUMENTS = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
    "mcp_call": ("arguments", "mcp_call_arguments"),
}
"""Kind of an item to its field that streams, and the events' name."""


def render(answer: dict[str, Any]) -> bytes:
    """The response's beginning, its items, the response."""
    events = _events(answer)
    return named({**event, "sequence_number": number} for number, event in enumerate(events))


def _events(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    started = {**answer, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    for index, item in enumerate(dicts(answer.get("output"))):
        for event in _item(item):
            yield {"output_index": index, **event}
    yield {"type": "response.completed", "response": answer}


def _item(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    item_id = item.get("id")
    kind = str(item.get("type"))
    started = {**item, "status": "in_progress"}
    inner: list[dict[str, Any]] = []
    if kind == "message":
        started["content"] = []
        inner = [each for place, part in enumerate(dicts(item.get("content"))) for each in _part(place, part)]
    elif kind == "reasoning":
        started["summary"] = []
        inner = [
            each for place, part in enumerate(dicts(item.get("summary"))) for each in _summary(place, part)
        ]
    elif kind in _ARGUMENTS:
        field, name = _ARGUMENTS[kind]
        started[field] = ""
        inner = [
            {"type": f"response.{name}.delta", "delta": item.get(field) or ""},
            {"type": f"response.{name}.done", field: item.get(field) or "", **_name_of(item)},
        ]
    yield {"type": "response.output_item.added", "item": started}
    for event in inner:
        yield {"item_id": item_id, **event}
    yield {"type": "response.output_item.done", "item": item}


def _part(place: int, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = {"content_index": place}
    refusal = part.get("type") == "refusal"
    field, name = ("refusal", "refusal") if refusal else ("text", "output_text")
    text = part.get(field) or ""
    empty = {**part, field: ""} if refusal else {**part, field: "", "annotations": []}
    logprobs = {} if refusal else {"logprobs": part.get("logprobs") or []}
    yield {"type": "response.content_part.added", **at, "part": empty}
    yield {"type": f"response.{name}.delta", **at, "delta": text, **logprobs}
    for number, annotation in enumerate(dicts(part.get("annotations"))):
        added = {"annotation_index": number, "annotation": annotation}
        yield {"type": "response.output_text.annotation.added", **at, **added}
    yield {"type": f"response.{name}.done", **at, field: text, **logprobs}
    yield {"type": "response.content_part.done", **at, "part": part}


def _summary(place: int, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = {"summary_index": place}
    text = part.get("text") or ""
    yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
    yield {"type": "response.reasoning_summary_text.delta", **at, "delta": text}
    yield {"type": "response.reasoning_summary_text.done", **at, "text": text}
    yield {"type": "response.reasoning_summary_part.done", **at, "part": part}


def _name_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"name": item["name"]} if item.get("type") == "function_call" and "name" in item else {}
