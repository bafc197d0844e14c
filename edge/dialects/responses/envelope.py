"""The response object around the output, and the items in it."""

from tallygate.edge.dialects.common.answer import Finish, Usage
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.errors import ErrorInfo
from tallygate.edge.dialects.common.read import Json, obj
from tallygate.edge.dialects.common.request import RedactedThinking, Thinking
from tallygate.edge.dialects.responses.thoughts import seal

INCOMPLETE: dict[Finish, str] = {
    "length": "max_output_tokens",
    "context_length": "max_output_tokens",
    "content_filter": "content_filter",
}
_ECHOED = ("instructions", "max_output_tokens", "temperature", "top_p", "user", "safety_identifier")


def envelope(call: Call, answer_id: str, model: str) -> Json:
    """A response in progress: what was asked, and no output yet."""
    body = call.body
    text = obj(body.get("text"))
    reasoning = obj(body.get("reasoning"))
    return {
        "id": _response_id(answer_id or call.call_id),
        "object": "response",
        "created_at": call.now_s,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model or call.target.model,
        "output": [],
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": False,
        "text": {"format": text.get("format") or {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "truncation": "disabled",
        "usage": None,
    } | {key: body.get(key) for key in _ECHOED}


def _response_id(answer_id: str) -> str:
    return answer_id if answer_id.startswith("resp_") else f"resp_{answer_id}"


def finished(response: Json, output: list[Json], finish: Finish, usage: Usage) -> Json:
    """The response with its output, as it ended."""
    reason = INCOMPLETE.get(finish)
    return response | {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": write_usage(usage),
    }


def failed(response: Json, output: list[Json], error: ErrorInfo) -> Json:
    """The response, broken off."""
    code = "rate_limit_exceeded" if error.status == 429 else "server_error"
    return response | {
        "status": "failed",
        "output": output,
        "error": {"code": code, "message": error.message},
    }


def write_usage(usage: Usage) -> Json:
    """The `usage` of a response."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def message_item(item_id: str, content: list[Json], status: str) -> Json:
    """A message of the assistant."""
    return {"id": item_id, "type": "message", "role": "assistant", "status": status, "content": content}


def text_part(text: str) -> Json:
    """Text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def refusal_part(text: str) -> Json:
    """A refusal, as content of a message."""
    return {"type": "refusal", "refusal": text}


def call_item(item_id: str, call_id: str, name: str, arguments: str, status: str) -> Json:
    """A function call."""
    return {
        "id": item_id,
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": status,
    }


def reasoning_item(item_id: str, thought: Thinking | RedactedThinking) -> Json:
    """A thought."""
    text = thought.text if isinstance(thought, Thinking) else ""
    summary = [{"type": "summary_text", "text": text}] if text else []
    item: Json = {"id": item_id, "type": "reasoning", "summary": summary}
    sealed = seal(thought)
    return item | ({"encrypted_content": sealed} if sealed else {})
