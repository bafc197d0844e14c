"""From a captured body to the text that is stored and searched."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

import orjson

from tallygate.schemas.assemble import anthropic, google, openai_chat, openai_responses, sse
from tallygate.schemas.call import Body

Assembler = Callable[[list[dict[str, Any]]], dict[str, Any]]


def readable_request(body: Body | None) -> str:
    """The request's body as text; base64 if it was binary."""
    return body.text if body is not None else ""


def readable_response(body: Body | None) -> str:
    """The answer's body as text; of a stream, the message put together from its events.

    Never raises. A stream that was cut short gives what there is; what is no stream, or is of a kind not
    known here, stays as it was captured.
    """
    if body is None:
        return ""
    text = _text(body)
    events = _events(text)
    assembler = _assembler(events)
    if assembler is None:
        return body.text
    return orjson.dumps(assembler(events)).decode()


def _text(body: Body) -> str:
    """The captured bytes as text. A stream with a broken character in it was captured as base64."""
    if body.encoding == "utf-8":
        return body.text
    try:
        return base64.b64decode(body.text).decode(errors="replace")
    except binascii.Error:
        return ""


def _events(text: str) -> list[dict[str, Any]]:
    """The stream's JSON objects, or none if the text is no stream."""
    if sse.looks_like_stream(text):
        values = [_json(data) for data in sse.data_fields(text)]
    elif google.looks_like_array(text):
        values = _array_items(text)
    else:
        return []
    return [value for value in values if isinstance(value, dict)]


def _json(data: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:  # `[DONE]`, a cut-off tail, or rubbish
        return None


def _array_items(text: str) -> list[Any]:
    """Items of a JSON array whose end may be missing."""
    decoder = json.JSONDecoder()
    items: list[Any] = []
    at = text.index("[") + 1
    while at < len(text):
        if text[at] in ", \r\n\t":
            at += 1
            continue
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        items.append(item)
    return items


def _assembler(events: list[dict[str, Any]]) -> Assembler | None:
    """Who can put these events together: the first event of a known kind decides."""
    for event in events:
        for recognises, assembler in _DIALECTS:
            if recognises(event):
                return assembler
    return None


_DIALECTS: tuple[tuple[Callable[[dict[str, Any]], bool], Assembler], ...] = (
    (openai_chat.recognises, openai_chat.assemble),
    (openai_responses.recognises, openai_responses.assemble),
    (anthropic.recognises, anthropic.assemble),
    (google.recognises, google.assemble),
)
