"""Gemini's contents, written."""

import orjson

from tallygate.edge.dialects.common.errors import InvalidFieldError
from tallygate.edge.dialects.common.media import media_type_of
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import (
    Audio,
    Document,
    Image,
    Inline,
    Part,
    Request,
    Source,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tallygate.edge.dialects.common.tools import arguments_object, tool_names
from tallygate.edge.dialects.common.turns import alternating

NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents for calls that come from elsewhere, and so have no signature."""


def render_contents(request: Request, *, sign: bool) -> list[Json]:
    """The conversation. Thoughts are left out: Gemini keeps them in the signatures."""
    names = tool_names(request)
    return [_content(turn, names, sign=sign) for turn in alternating(request) if _shown(turn)]


def _shown(turn: Turn) -> list[Part]:
    return [part for part in turn.parts if isinstance(part, _SHOWN)]


_SHOWN = Text | Image | Document | Audio | ToolCall | ToolResult


def _content(turn: Turn, names: dict[str, str], *, sign: bool) -> Json:
    parts = [body for part in _shown(turn) for body in _parts(part, names)]
    if sign:
        _sign(parts)
    return {"role": "model" if turn.role == "assistant" else "user", "parts": parts}


def _sign(parts: list[Json]) -> None:
    """The first call of a step carries the signature, also for those made at the same time."""
    calls = [part for part in parts if "functionCall" in part]
    if calls and not any("thoughtSignature" in part for part in calls):
        calls[0]["thoughtSignature"] = NO_SIGNATURE


def _parts(part: Part, names: dict[str, str]) -> list[Json]:
    match part:
        case Text(text):
            return [{"text": text}]
        case Image(source):
            return [_media(source, "image/jpeg")]
        case Document(source) | Audio(source):
            return [_media(source, "application/pdf")]
        case ToolCall():
            call = {"id": part.id, "name": part.name, "args": arguments_object(part)}
            signature: Json = {"thoughtSignature": part.signature} if part.signature else {}
            return [{"functionCall": call} | signature]
        case ToolResult():
            shown = [
                _media(inner.source, "image/jpeg") for inner in part.parts if not isinstance(inner, Text)
            ]
            return [_response(part, names), *shown]
        case _:
            return []


def _media(source: Source, default: str) -> Json:
    if isinstance(source, Inline):
        return {"inlineData": {"mimeType": source.media_type, "data": source.data}}
    return {"fileData": {"mimeType": media_type_of(source.url, default), "fileUri": source.url}}


def _response(part: ToolResult, names: dict[str, str]) -> Json:
    name = names.get(part.call_id)
    if name is None:
        raise InvalidFieldError(part.where, f"no tool call has the id {part.call_id!r}")
    text = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
    response = {"error": text} if part.is_error else _as_object(text)
    return {"functionResponse": {"id": part.call_id, "name": name, "response": response}}


def _as_object(text: str) -> Json:
    """A result must be an object: one that is JSON goes as it is, any other under `result`."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"result": text}
    return value if isinstance(value, dict) else {"result": value}
