"""Chat completions and errors of providers, read."""

from typing import Any

from tallygate.edge.dialects.common.answer import Answer, AnswerPart, Finish, Refusal
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.errors import ErrorInfo, MalformedAnswerError
from tallygate.edge.dialects.common.read import Json, obj, objs, string
from tallygate.edge.dialects.common.request import Text, Thinking, ToolCall
from tallygate.edge.dialects.openai_chat.usage import read_usage

FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def read_answer(body: Json, call: Call) -> Answer:
    """A `chat.completion`.

    Raises:
        MalformedAnswerError: it holds no message.
    """
    choices = objs(body.get("choices"))
    if not choices or not isinstance(choices[0].get("message"), dict):
        raise MalformedAnswerError("the provider's answer has no choice")
    parts = _parts(choices[0]["message"], call)
    finish = FINISH.get(string(choices[0].get("finish_reason")), "stop")
    if finish == "stop" and any(isinstance(part, ToolCall) for part in parts):
        finish = "tool_calls"
    return Answer(
        id=string(body.get("id")),
        model=string(body.get("model")),
        parts=parts,
        finish=finish,
        usage=read_usage(body.get("usage")),
        service_tier=string(body.get("service_tier")) or None,
    )


def thought_of(message: Json) -> str:
    """Readable thoughts: `reasoning_content` with DeepSeek and others, `reasoning` with OpenRouter."""
    return string(message.get("reasoning_content")) or string(message.get("reasoning"))


def _parts(message: Json, call: Call) -> list[AnswerPart]:
    parts: list[AnswerPart] = []
    if thought := thought_of(message):
        parts.append(Thinking(thought))
    if text := _text(message.get("content")):
        parts.append(Text(text))
    if refusal := string(message.get("refusal")):
        parts.append(Refusal(refusal))
    for index, tool in enumerate(objs(message.get("tool_calls"))):
        function = obj(tool.get("function"))
        call_id = string(tool.get("id")) or f"call_{call.call_id}_{index}"
        parts.append(
            ToolCall(
                call_id,
                string(function.get("name")),
                string(function.get("arguments")),
                signature=signature_of(tool),
            )
        )
    return parts


def signature_of(tool: Json) -> str | None:
    """Google's thought signature on a tool call."""
    google = obj(obj(tool.get("extra_content")).get("google"))
    return string(google.get("thought_signature")) or None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(string(part.get("text")) for part in objs(content))


def read_error(status: int, body: Any) -> ErrorInfo:
    """OpenAI's error object, and what others make of it."""
    first = body[0] if isinstance(body, list) and body else body
    error = obj(first).get("error", first)
    if isinstance(error, str):
        error = {"message": error}
    fields = obj(error)
    message = string(fields.get("message")) or string(fields.get("detail"))
    code = fields.get("code")
    return ErrorInfo(
        status,
        message or f"the provider answered with status {status}",
        code=str(code) if isinstance(code, str | int) and code else None,
        param=string(fields.get("param")) or None,
        type=string(fields.get("type")) or None,
    )
