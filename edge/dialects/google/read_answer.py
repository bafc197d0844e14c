"""Gemini's answers, pieces of streams and errors, read."""

from typing import Any

import orjson

from tallygate.edge.dialects.common.answer import Answer, AnswerPart, Finish, Usage
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.errors import ErrorInfo, MalformedAnswerError
from tallygate.edge.dialects.common.read import Json, count, obj, objs, string
from tallygate.edge.dialects.common.request import Text, Thinking, ToolCall

BLOCKED = frozenset(
    [
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    ]
)


def finish_of(reason: str, *, called: bool) -> Finish:
    """Why the model stopped; it says STOP after a function call too."""
    if reason == "MAX_TOKENS":
        return "length"
    if reason in BLOCKED:
        return "content_filter"
    return "tool_calls" if called else "stop"


def blocked(body: Json) -> bool:
    """Whether the prompt was refused: then there is no candidate."""
    return bool(string(obj(body.get("promptFeedback")).get("blockReason")))


def read_usage(value: Any) -> Usage:
    """`usageMetadata`: the prompt includes what was cached, the candidates do not include thoughts."""
    usage = obj(value)
    thoughts = count(usage.get("thoughtsTokenCount"))
    details = objs(usage.get("promptTokensDetails"))
    audio = sum(count(one.get("tokenCount")) for one in details if one.get("modality") == "AUDIO")
    return Usage(
        input_tokens=count(usage.get("promptTokenCount")) + count(usage.get("toolUsePromptTokenCount")),
        output_tokens=count(usage.get("candidatesTokenCount")) + thoughts,
        cached_tokens=count(usage.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
        audio_input_tokens=audio,
    )


def read_parts(candidate: Json, call: Call, calls_before: int = 0) -> list[AnswerPart]:
    """Parts of a candidate; tool calls without an id get one that numbers them within the answer."""
    parts: list[AnswerPart] = []
    calls = calls_before
    for part in objs(obj(candidate.get("content")).get("parts")):
        function = part.get("functionCall")
        if isinstance(function, dict):
            parts.append(_tool_call(function, part, f"call_{call.call_id}_{calls}"))
            calls += 1
        elif text := string(part.get("text")):
            parts.append(Thinking(text) if part.get("thought") else Text(text))
        elif isinstance(part.get("inlineData"), dict):
            parts.append(Text(_picture(part["inlineData"])))
    return parts


def _tool_call(function: Json, part: Json, default_id: str) -> ToolCall:
    return ToolCall(
        string(function.get("id")) or default_id,
        string(function.get("name")),
        orjson.dumps(obj(function.get("args"))).decode(),
        signature=string(part.get("thoughtSignature")) or None,
    )


def _picture(blob: Json) -> str:
    """A picture of the model's, as Markdown: the callers' dialects have text only."""
    return f"![](data:{string(blob.get('mimeType'))};base64,{string(blob.get('data'))})"


def read_answer(body: Json, call: Call) -> Answer:
    """A `GenerateContentResponse`.

    Raises:
        MalformedAnswerError: neither a candidate nor a reason for there being none.
    """
    candidates = objs(body.get("candidates"))
    if not candidates and not blocked(body):
        raise MalformedAnswerError("the provider's answer has no candidate")
    parts = read_parts(candidates[0], call) if candidates else []
    called = any(isinstance(part, ToolCall) for part in parts)
    reason = string(candidates[0].get("finishReason")) if candidates else "SAFETY"
    return Answer(
        id=string(body.get("responseId")),
        model=string(body.get("modelVersion")),
        parts=parts,
        finish=finish_of(reason, called=called),
        usage=read_usage(body.get("usageMetadata")),
    )


def read_error(status: int, body: Any) -> ErrorInfo:
    """Google's error object, alone or in a list."""
    first = body[0] if isinstance(body, list) and body else body
    error = obj(obj(first).get("error"))
    message = string(error.get("message")) or f"the provider answered with status {status}"
    too_long = "exceeds the maximum number of tokens" in message
    kind = string(error.get("status")) or None
    return ErrorInfo(status, message, code="context_length_exceeded" if too_long else None, type=kind)
