"""Chat completions, written for callers."""

from typing import Any

from tallygate.edge.dialects.common.answer import Answer, Finish, Refusal
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.errors import ErrorInfo
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import RedactedThinking, Text, Thinking, ToolCall
from tallygate.edge.dialects.openai_chat.usage import write_usage

FINISH: dict[Finish, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "context_length": "length",
    "pause": "stop",
}

TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})


def write_answer(answer: Answer, call: Call) -> Json:
    """A `chat.completion`."""
    message = _message(answer)
    body: Json = {
        "id": answer.id or f"chatcmpl-{call.call_id}",
        "object": "chat.completion",
        "created": call.now_s,
        "model": answer.model or call.target.model,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[answer.finish]}
        ],
        "usage": write_usage(answer.usage),
    }
    if answer.service_tier in TIERS:
        body["service_tier"] = answer.service_tier
    return body


def _message(answer: Answer) -> Json:
    texts = [part.text for part in answer.parts if isinstance(part, Text)]
    refusals = [part.text for part in answer.parts if isinstance(part, Refusal)]
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    message: Json = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if calls:
        message["tool_calls"] = [write_tool_call(call) for call in calls]
    return message | _thoughts(answer)


def _thoughts(answer: Answer) -> Json:
    """Thoughts, under the two names that the field has settled on: text to read, blocks to send back."""
    blocks = [write_thought(part) for part in answer.parts if isinstance(part, Thinking | RedactedThinking)]
    text = "".join(part.text for part in answer.parts if isinstance(part, Thinking))
    extra: Json = {"reasoning_content": text} if text else {}
    return extra | ({"thinking_blocks": blocks} if blocks else {})


def write_thought(part: Thinking | RedactedThinking) -> Json:
    """A thinking block."""
    if isinstance(part, RedactedThinking):
        return {"type": "redacted_thinking", "data": part.data}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def write_tool_call(call: ToolCall) -> Json:
    """A tool call, with Google's thought signature where Google's own endpoint puts it."""
    body: Json = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    return body | signature_extra(call.signature)


def signature_extra(signature: str | None) -> Json:
    """Extra content that carries a thought signature."""
    return {"extra_content": {"google": {"thought_signature": signature}}} if signature else {}


_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


def write_error(error: ErrorInfo) -> Json:
    """OpenAI's error object."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    code: Any = error.code or error.type
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": code}}
