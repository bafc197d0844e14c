"""Anthropic's messages and errors, written for callers."""

from typing import Any

import orjson

from tallygate.edge.dialects.anthropic.usage import write_usage
from tallygate.edge.dialects.common.answer import Answer, AnswerPart, Finish
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.errors import ErrorInfo
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import RedactedThinking, Thinking, ToolCall
from tallygate.edge.dialects.common.tools import safe_id

STOP_REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "context_length": "model_context_window_exceeded",
    "pause": "pause_turn",
}
INVALID_ARGUMENTS = "invalid_json"
"""Key under which arguments that are no JSON object are given, as text: `input` must be an object."""


def write_answer(answer: Answer, call: Call) -> Json:
    """A message."""
    return {
        "id": answer.id or f"msg_{call.call_id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or call.target.model,
        "content": [_block(part) for part in answer.parts],
        "stop_reason": STOP_REASONS[answer.finish],
        "stop_sequence": answer.stop_sequence,
        "usage": write_usage(answer.usage),
    }


def _block(part: AnswerPart) -> Json:
    match part:
        case ToolCall():
            use: Json = {"type": "tool_use", "id": safe_id(part.id), "name": part.name}
            return use | {"input": read_arguments(part.arguments)}
        case Thinking(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case RedactedThinking(data):
            return {"type": "redacted_thinking", "data": data}
        case _:
            return {"type": "text", "text": part.text, "citations": None}


def read_arguments(text: str) -> Json:
    """Arguments as an object."""
    try:
        value: Any = orjson.loads(text) if text.strip() else {}
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {INVALID_ARGUMENTS: text}


_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def write_error(error: ErrorInfo) -> Json:
    """Anthropic's error object."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": error.message}}
