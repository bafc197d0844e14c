"""Streamed messages of Anthropic, read."""

import orjson

from tallygate.edge.dialects.anthropic.json_output import JSON_TOOL
from tallygate.edge.dialects.anthropic.read_answer import FINISH, STATUS, read_error, uses_json_tool
from tallygate.edge.dialects.anthropic.usage import read_usage
from tallygate.edge.dialects.common.answer import (
    End,
    Event,
    Failed,
    Finished,
    Redacted,
    Start,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
    ToolDelta,
    ToolStart,
    UsageSeen,
)
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.decoding import SseDecoder
from tallygate.edge.dialects.common.read import Json, obj, string


class AnthropicDecoder(SseDecoder):
    """Anthropic's stream events to events."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._json_tool = uses_json_tool(call)
        self._usage: Json = {}
        self._kind = ""
        """Type of the block that is open; `json` if it is the answer in the guise of a tool call."""
        self._signature = ""
        self._calls = 0

    def read(self, value: Json) -> list[Event]:
        """Events of one of Anthropic's."""
        match value.get("type"):
            case "message_start":
                return self._start(obj(value.get("message")))
            case "content_block_start":
                return self._open(obj(value.get("content_block")))
            case "content_block_delta":
                return self._delta(obj(value.get("delta")))
            case "content_block_stop":
                return self._close()
            case "message_delta":
                return self._message_delta(value)
            case "message_stop":
                return [End()]
            case "error":
                kind = string(obj(value.get("error")).get("type"))
                return [Failed(read_error(STATUS.get(kind, 500), value))]
            case _:
                return []

    def _start(self, message: Json) -> list[Event]:
        self._usage = dict(obj(message.get("usage")))
        return [Start(string(message.get("id")), string(message.get("model")), read_usage(self._usage))]

    def _open(self, block: Json) -> list[Event]:
        self._kind = string(block.get("type"))
        if self._kind == "tool_use":
            return self._open_tool(block)
        if self._kind == "redacted_thinking":
            return [Redacted(string(block.get("data")))]
        if self._kind == "thinking":
            self._signature = string(block.get("signature"))
            text = string(block.get("thinking"))
            return [ThinkingDelta(text)] if text else []
        text = string(block.get("text")) if self._kind == "text" else ""
        return [TextDelta(text)] if text else []

    def _open_tool(self, block: Json) -> list[Event]:
        events: list[Event] = []
        if self._json_tool and block.get("name") == JSON_TOOL:
            self._kind = "json"
        else:
            self._calls += 1
            events.append(ToolStart(self._calls - 1, string(block.get("id")), string(block.get("name"))))
        given = obj(block.get("input"))
        return events + self._arguments(orjson.dumps(given).decode()) if given else events

    def _arguments(self, text: str) -> list[Event]:
        if not text:
            return []
        return [TextDelta(text) if self._kind == "json" else ToolDelta(self._calls - 1, text)]

    def _delta(self, delta: Json) -> list[Event]:
        match delta.get("type"):
            case "text_delta":
                return [TextDelta(string(delta.get("text")))]
            case "input_json_delta":
                return self._arguments(string(delta.get("partial_json")))
            case "thinking_delta":
                return [ThinkingDelta(string(delta.get("thinking")))]
            case "signature_delta":
                self._signature += string(delta.get("signature"))
        return []

    def _close(self) -> list[Event]:
        kind, self._kind = self._kind, ""
        if kind != "thinking":
            return []
        signature, self._signature = self._signature, ""
        return [ThinkingEnd(signature)]

    def _message_delta(self, value: Json) -> list[Event]:
        delta = obj(value.get("delta"))
        seen = obj(value.get("usage"))
        self._usage |= {key: count for key, count in seen.items() if count is not None}
        events: list[Event] = [UsageSeen(read_usage(self._usage))]
        reason = string(delta.get("stop_reason"))
        if reason:
            self.finished = True
            finish = FINISH.get(reason, "stop")
            if finish == "tool_calls" and not self._calls:
                finish = "stop"
            events.append(Finished(finish, string(delta.get("stop_sequence")) or None))
        return events
