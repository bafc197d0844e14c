"""Whether an answer may be stored, and a stored one in the form that a caller asked for. Pure.

A stored answer serves callers with and without streaming alike: a stream is put together as one message by
the code that does so for the records, a message is told as a stream by `render`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from tallygate.edge.cache.entry import Entry, Kind
from tallygate.edge.cache.render import RENDERERS
from tallygate.edge.http.sse import SseSplitter, data_of
from tallygate.edge.usage.found import USAGE_KEY
from tallygate.edge.usage.hider import UsageHider
from tallygate.schemas.assemble import anthropic, openai_chat, openai_responses

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream"

_ASSEMBLERS: dict[str, Callable[[list[dict[str, Any]]], dict[str, Any]]] = {
    "chat/completions": openai_chat.assemble,
    "completions": openai_chat.assemble,
    "responses": openai_responses.assemble,
    "messages": anthropic.assemble,
}
_HIDE_USAGE = frozenset({"chat/completions", "completions"})
"""Their streams tell the usage only to callers who ask for it."""
_DONE = re.compile(rb"data: ?\[DONE\]\s*\Z")
_MAX_EVENT_BYTES = 1 << 30  # all of a stored stream is in memory already


@dataclass(frozen=True, slots=True)
class Replay:
    """A body for a caller."""

    content_type: str
    body: bytes


def kind_of(content_type: str) -> Kind:
    """What an answer is, by its content type."""
    media = content_type.partition(";")[0].strip().lower()
    if media == SSE_TYPE:
        return "sse"
    return "json" if media == JSON_TYPE or media.endswith("+json") else "raw"


def is_complete(endpoint: str, kind: Kind, body: bytes) -> bool:
    """Whether the body of a 200 answer is a whole, good answer, and so may be stored.

    A stream must have come to its end without an error in it. For what is neither JSON nor a stream, that the
    connection ended well is all that can be told: the caller of this knows.
    """
    if kind == "raw":
        return bool(body)
    if kind == "sse":
        return endpoint in _ASSEMBLERS and _is_whole_stream(endpoint, body)
    answer = _object(body)
    if answer is None or answer.get("error") is not None:
        return False
    return endpoint != "responses" or answer.get("status", "completed") == "completed"


def replay(entry: Entry, endpoint: str, *, stream: bool, include_usage: bool) -> Replay | None:
    """An entry in the form asked for; None if it can't have that form, which is a miss.

    Args:
        include_usage: The caller asked for the usage in its stream.
    """
    if entry.kind == "raw":
        return None if stream and endpoint in RENDERERS else Replay(_stored_type(entry), entry.body)
    if (include_usage or not stream) and _lacks_usage(entry, endpoint):
        return None
    if not stream:
        body = entry.body if entry.kind == "json" else _to_json(entry.body, endpoint)
        return None if body is None else Replay(JSON_TYPE, body)
    body = entry.body if entry.kind == "sse" else _to_stream(entry.body, endpoint)
    if body is None:
        return None
    return Replay(SSE_TYPE, body if include_usage else _without_usage(body, endpoint))


def _lacks_usage(entry: Entry, endpoint: str) -> bool:
    """Whether the provider told the usage but the stream does not.

    So it is if it was translated for a caller who did not ask for the usage.
    """
    if entry.kind != "sse" or entry.usage is None or endpoint not in _HIDE_USAGE:
        return False
    return USAGE_KEY.search(entry.body) is None


def _stored_type(entry: Entry) -> str:
    return dict(entry.headers).get("content-type", "application/octet-stream")


def _to_json(body: bytes, endpoint: str) -> bytes | None:
    assembler = _ASSEMBLERS.get(endpoint)
    return None if assembler is None else orjson.dumps(assembler(_events(body)))


def _to_stream(body: bytes, endpoint: str) -> bytes | None:
    renderer = RENDERERS.get(endpoint)
    answer = _object(body)
    return None if renderer is None or answer is None else renderer(answer)


def _without_usage(body: bytes, endpoint: str) -> bytes:
    if endpoint not in _HIDE_USAGE:
        return body
    hider = UsageHider()
    return hider.feed(body) + hider.close()


def _is_whole_stream(endpoint: str, body: bytes) -> bool:
    events = _events(body)
    if not events or any(event.get("error") is not None or event.get("type") == "error" for event in events):
        return False
    if endpoint == "messages":
        return events[-1].get("type") == "message_stop"
    if endpoint == "responses":
        return events[-1].get("type") == "response.completed"
    choices = openai_chat.assemble(events)["choices"]
    return (
        _DONE.search(body[-64:]) is not None
        and bool(choices)
        and all(choice.get("finish_reason") for choice in choices)
    )


def _events(body: bytes) -> list[dict[str, Any]]:
    """The objects that a stream's events hold."""
    splitter = SseSplitter(_MAX_EVENT_BYTES)
    pieces = [piece.raw for piece in splitter.feed(body)] + [splitter.close()]
    found = (_object(data_of(piece)) for piece in pieces)
    return [event for event in found if event is not None]


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
