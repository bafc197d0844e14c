"""Bedrock's answers and errors, read."""

from typing import Any

import orjson

from tallygate.edge.dialects.common.answer import Answer, AnswerPart, Finish, Usage
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.errors import ErrorInfo, MalformedAnswerError
from tallygate.edge.dialects.common.read import Json, count, obj, objs, string
from tallygate.edge.dialects.common.request import RedactedThinking, Text, Thinking, ToolCall

FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "model_context_window_exceeded": "context_length",
}


def read_usage(value: Any) -> Usage:
    """`usage`: like Anthropic's, input is what was neither read from a cache nor written to one."""
    usage = obj(value)
    cached, written = count(usage.get("cacheReadInputTokens")), count(usage.get("cacheWriteInputTokens"))
    return Usage(
        input_tokens=count(usage.get("inputTokens")) + cached + written,
        output_tokens=count(usage.get("outputTokens")),
        cached_tokens=cached,
        cache_write_tokens=written,
    )


def read_answer(body: Json, call: Call) -> Answer:
    """A `ConverseResponse`. It has neither an id nor a model.

    Raises:
        MalformedAnswerError: it has no message.
    """
    message = obj(body.get("output")).get("message")
    if not isinstance(message, dict):
        raise MalformedAnswerError("the provider's answer has no message")
    return Answer(
        model=call.target.model,
        parts=[part for block in objs(message.get("content")) if (part := _part(block)) is not None],
        finish=FINISH.get(string(body.get("stopReason")), "stop"),
        usage=read_usage(body.get("usage")),
        service_tier=string(obj(body.get("serviceTier")).get("type")) or None,
    )


def _part(block: Json) -> AnswerPart | None:
    if isinstance(block.get("text"), str):
        return Text(block["text"])
    if isinstance(use := block.get("toolUse"), dict):
        arguments = orjson.dumps(obj(use.get("input"))).decode()
        return ToolCall(string(use.get("toolUseId")), string(use.get("name")), arguments)
    if isinstance(cited := block.get("citationsContent"), dict):
        return Text("".join(string(piece.get("text")) for piece in objs(cited.get("content"))))
    thought = block.get("reasoningContent")
    return _thought(thought) if isinstance(thought, dict) else None


def _thought(thought: Json) -> AnswerPart:
    if "redactedContent" in thought:
        return RedactedThinking(string(thought["redactedContent"]))
    text = obj(thought.get("reasoningText"))
    return Thinking(string(text.get("text")), string(text.get("signature")))


def read_error(status: int, body: Any) -> ErrorInfo:
    """AWS's error: a message, and its type where the body says it."""
    fields = obj(body)
    message = string(fields.get("message")) or string(fields.get("Message"))
    kind = string(fields.get("__type")).rsplit("#", 1)[-1] or None
    too_long = "too long" in message.lower()
    return ErrorInfo(
        status,
        message or f"the provider answered with status {status}",
        code="context_length_exceeded" if too_long and status == 400 else None,
        type=kind,
    )
