"""Responses, written for callers."""

from tallygate.edge.dialects.common.answer import Answer, AnswerPart, Refusal
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import RedactedThinking, Text, Thinking, ToolCall
from tallygate.edge.dialects.responses.envelope import (
    call_item,
    envelope,
    finished,
    message_item,
    reasoning_item,
    refusal_part,
    text_part,
)


def write_answer(answer: Answer, call: Call) -> Json:
    """A response."""
    output: list[Json] = []
    for part in answer.parts:
        _add(output, part, call.call_id)
    response = finished(envelope(call, answer.id, answer.model), output, answer.finish, answer.usage)
    return response | {"completed_at": call.now_s}


def _add(output: list[Json], part: AnswerPart, call_id: str) -> None:
    number = len(output)
    match part:
        case ToolCall():
            item = call_item(f"fc_{call_id}_{number}", part.id, part.name, part.arguments, "completed")
            output.append(item)
        case Thinking() | RedactedThinking():
            output.append(reasoning_item(f"rs_{call_id}_{number}", part))
        case Text(text):
            _add_content(output, text_part(text), f"msg_{call_id}_{number}")
        case Refusal(text):
            _add_content(output, refusal_part(text), f"msg_{call_id}_{number}")


def _add_content(output: list[Json], content: Json, item_id: str) -> None:
    if output and output[-1]["type"] == "message":
        output[-1]["content"].append(content)
    else:
        output.append(message_item(item_id, [content], "completed"))
