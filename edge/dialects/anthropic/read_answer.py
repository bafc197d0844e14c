"""Messages and errors of Anthropic, read."""

from typing import Any

import orjson

from tallygate.edge.dialects.anthropic.json_output import JSON_TOOL
from tallygate.edge.dialects.anthropic.models import needs_json_tool
from tallygate.edge.dialects.anthropic.usage import read_usage
from tallygate.edge.dialects.common.answer import Answer, AnswerPart, Finish
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.errors import ErrorInfo, MalformedAnswerError
from tallygate.edge.dialects.common.read import Json, obj, objs, string
from tallygate.edge.dialects.common.request import RedactedThinking, Text, Thinking, ToolCall

FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "model_context_window_exceeded": "context_length",
    "pause_turn": "pause",
}

STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def uses_json_tool(call: Call) -> bool:
    """Whether the answer's JSON comes as the input of a tool."""
    return needs_json_tool(call.target.model, call.request.format)


def read_answer(body: Json, call: Call) -> Answer:
    """A message.

    Raises:
        MalformedAnswerError: it has no content.
    """
    if not isinstance(body.get("content"), list):
        raise MalformedAnswerError("the provider's answer has no content")
    parts = [part for block in objs(body["content"]) if (part := _part(block)) is not None]
    finish = FINISH.get(string(body.get("stop_reason")), "stop")
    if uses_json_tool(call):
        parts, finish = _unwrap(parts, finish)
    return Answer(
        id=string(body.get("id")),
        model=string(body.get("model")),
        parts=parts,
        finish=finish,
        stop_sequence=string(body.get("stop_sequence")) or None,
        usage=read_usage(body.get("usage")),
        service_tier=string(obj(body.get("usage")).get("service_tier")) or None,
    )


def _part(block: Json) -> AnswerPart | None:
    match block.get("type"):
        case "text":
            return Text(string(block.get("text")))
        case "thinking":
            return Thinking(string(block.get("thinking")), string(block.get("signature")))
        case "redacted_thinking":
            return RedactedThinking(string(block.get("data")))
        case "tool_use":
            arguments = orjson.dumps(obj(block.get("input"))).decode()
            return ToolCall(string(block.get("id")), string(block.get("name")), arguments)
        case _:
            return None


def _unwrap(parts: list[AnswerPart], finish: Finish) -> tuple[list[AnswerPart], Finish]:
    plain: list[AnswerPart] = [
        Text(part.arguments) if isinstance(part, ToolCall) and part.name == JSON_TOOL else part
        for part in parts
    ]
    called = any(isinstance(part, ToolCall) for part in plain)
    return plain, "stop" if finish == "tool_calls" and not called else finish


def read_error(status: int, body: Any) -> ErrorInfo:
    """Anthropic's error object."""
    error = obj(obj(body).get("error"))
    kind = string(error.get("type")) or None
    message = string(error.get("message")) or f"the provider answered with status {status}"
    too_long = "prompt is too long" in message
    return ErrorInfo(status, message, code="context_length_exceeded" if too_long else None, type=kind)
