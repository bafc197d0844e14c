"""Streamed messages of Anthropic, written for callers."""

from tallygate.edge.dialects.anthropic.usage import write_usage
from tallygate.edge.dialects.anthropic.write_answer import STOP_REASONS, write_error
from tallygate.edge.dialects.common.answer import (
    End,
    Event,
    Failed,
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
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.sse import named
from tallygate.edge.dialects.common.tools import safe_id


class AnthropicEncoder:
    """Events to Anthropic's: one block open at a time, each kind of delta in a block of its own.

    Other dialects count tokens at the end only: `message_start` then says 0, and `message_delta` all.
    """

    def __init__(self, call: Call) -> None:
        self._id = f"msg_{call.call_id}"
        self._model = call.target.model
        self._started = False
        self._usage = Usage()
        self._finish = Finished("stop")
        self._next = 0
        """Index of the next block."""
        self._open: str | None = None
        """Kind of the block that is open."""
        self._blocks: dict[int, int] = {}
        """Index of the block of a tool call, by the call's number."""

    def encode(self, event: Event) -> bytes:
        """Bytes for one event."""
        match event:
            case Start():
                self._id, self._model = event.id or self._id, event.model or self._model
                self._usage = event.usage or self._usage
                return self._begin()
            case UsageSeen():
                self._usage = event.usage
                return b""
            case Finished():
                self._finish = event
                return b""
            case Failed():
                return self._send("error", write_error(event.error))
            case End():
                return self._begin() + self._close() + self._end()
            case _:
                return self._begin() + self._content(event)

    @staticmethod
    def _send(name: str, body: Json) -> bytes:
        return named(name, {"type": name} | body)

    def _begin(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        message: Json = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
        }
        return self._send("message_start", {"message": message})

    def _content(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | RefusalDelta(text):
                opened = self._ensure("text", {"type": "text", "text": "", "citations": None})
                return opened + self._delta({"type": "text_delta", "text": text})
            case ThinkingDelta(text):
                return self._think() + self._delta({"type": "thinking_delta", "thinking": text})
            case ThinkingEnd(signature):
                return self._end_thought(signature)
            case Redacted(data):
                block: Json = {"type": "redacted_thinking", "data": data}
                return self._close() + self._start("redacted", block) + self._close()
            case ToolStart():
                return self._start_tool(event)
            case ToolDelta(index, arguments):
                delta = {"type": "input_json_delta", "partial_json": arguments}
                return self._delta(delta, self._blocks.get(index))
            case _:
                return b""

    def _think(self) -> bytes:
        return self._ensure("thinking", {"type": "thinking", "thinking": "", "signature": ""})

    def _end_thought(self, signature: str) -> bytes:
        if not signature:
            return self._close() if self._open == "thinking" else b""
        opened = self._think()
        return opened + self._delta({"type": "signature_delta", "signature": signature}) + self._close()

    def _start_tool(self, event: ToolStart) -> bytes:
        closed = self._close()
        self._blocks[event.index] = self._next
        block: Json = {"type": "tool_use", "id": safe_id(event.id), "name": event.name, "input": {}}
        return closed + self._start("tool", block)

    def _ensure(self, kind: str, block: Json) -> bytes:
        return b"" if self._open == kind else self._close() + self._start(kind, block)

    def _start(self, kind: str, block: Json) -> bytes:
        self._open = kind
        self._next += 1
        return self._send("content_block_start", {"index": self._next - 1, "content_block": block})

    def _delta(self, delta: Json, index: int | None = None) -> bytes:
        at = self._next - 1 if index is None else index
        return self._send("content_block_delta", {"index": at, "delta": delta})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return self._send("content_block_stop", {"index": self._next - 1})

    def _end(self) -> bytes:
        delta = {
            "stop_reason": STOP_REASONS[self._finish.reason],
            "stop_sequence": self._finish.stop_sequence,
        }
        usage = write_usage(self._usage)
        return self._send("message_delta", {"delta": delta, "usage": usage}) + self._send("message_stop", {})
