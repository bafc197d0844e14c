"""Streamed chat completions, written for callers."""

from typing import Any

from tallygate.edge.dialects.common.answer import (
    End,
    Event,
    Failed,
    Finish,
    Finished,
    Redacted,
    RefusalDelta,
    Start,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
    ToolDelta,
    ToolStart,
    Usage,
    UsageSeen,
)
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.read import Json, obj
from tallygate.edge.dialects.common.request import RedactedThinking, Thinking
from tallygate.edge.dialects.common.sse import data
from tallygate.edge.dialects.openai_chat.usage import write_usage
from tallygate.edge.dialects.openai_chat.write_answer import (
    FINISH,
    signature_extra,
    write_error,
    write_thought,
)

DONE = b"data: [DONE]\n\n"


class ChatEncoder:
    """Events to `chat.completion.chunk`s. After an error there is no `[DONE]`: the answer is not complete."""

    def __init__(self, call: Call) -> None:
        self._head: Json = {
            "id": f"chatcmpl-{call.call_id}",
            "object": "chat.completion.chunk",
            "created": call.now_s,
            "model": call.target.model,
        }
        self._with_usage = bool(obj(call.body.get("stream_options")).get("include_usage"))
        self._started = False
        self._usage = Usage()
        self._finish: Finish = "stop"
        self._thought: list[str] = []

    def encode(self, event: Event) -> bytes:
        """Bytes for one event."""
        match event:
            case Start():
                return self._start(event)
            case UsageSeen():
                self._usage = event.usage
                return b""
            case Finished():
                self._finish = event.reason
                return b""
            case End():
                return self._opened() + self._end()
            case Failed():
                return data(write_error(event.error))
            case _:
                return self._opened() + self._delta(event)

    def _start(self, event: Start) -> bytes:
        self._head["id"] = event.id or self._head["id"]
        self._head["model"] = event.model or self._head["model"]
        self._usage = event.usage or self._usage
        return self._opened()

    def _opened(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def _chunk(self, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body: Json = self._head | {"choices": [choice]}
        return data(body | {"usage": None} if self._with_usage else body)

    def _delta(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):
                return self._chunk({"content": text})
            case RefusalDelta(text):
                return self._chunk({"refusal": text})
            case ThinkingDelta(text):
                self._thought.append(text)
                return self._chunk({"reasoning_content": text})
            case ThinkingEnd(signature):
                return self._end_thought(signature)
            case Redacted(blob):
                return self._chunk({"thinking_blocks": [write_thought(RedactedThinking(blob))]})
            case ToolStart():
                return self._tool_start(event)
            case ToolDelta(index, arguments):
                return self._tool({"index": index, "function": {"arguments": arguments}})
            case _:
                return b""

    def _end_thought(self, signature: str) -> bytes:
        text = "".join(self._thought)
        self._thought.clear()
        return (
            self._chunk({"thinking_blocks": [write_thought(Thinking(text, signature))]}) if signature else b""
        )

    def _tool_start(self, event: ToolStart) -> bytes:
        function = {"name": event.name, "arguments": ""}
        call: dict[str, Any] = {
            "index": event.index,
            "id": event.id,
            "type": "function",
            "function": function,
        }
        return self._tool(call | signature_extra(event.signature))

    def _tool(self, call: dict[str, Any]) -> bytes:
        return self._chunk({"tool_calls": [call]})

    def _end(self) -> bytes:
        last = self._chunk({}, FINISH[self._finish])
        if self._with_usage:
            last += data(self._head | {"choices": [], "usage": write_usage(self._usage)})
        return last + DONE
