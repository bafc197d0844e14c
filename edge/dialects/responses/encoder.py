"""Streamed responses, written for callers."""

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
from tallygate.edge.dialects.common.errors import ErrorInfo
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import RedactedThinking
from tallygate.edge.dialects.common.sse import named
from tallygate.edge.dialects.responses.envelope import envelope, failed, finished, reasoning_item
from tallygate.edge.dialects.responses.items import CallItem, Events, Item, MessageItem, ReasoningItem


class ResponsesEncoder:
    """Events to those of Responses: one item open at a time, but for calls whose arguments come mixed."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._response: Json | None = None
        self._sequence = 0
        self._output: list[Json | Item] = []
        """All items so far: closed ones whole."""
        self._open: list[int] = []
        """Places in the output of items that are open: one, or several calls."""
        self._places: dict[int, int] = {}
        """Place in the output of a call, by the call's number."""
        self._usage = Usage()
        self._finish: Finish = "stop"

    def encode(self, event: Event) -> bytes:
        """Bytes for one event."""
        match event:
            case Start():
                self._usage = event.usage or self._usage
                return self._begin(event.id, event.model)
            case UsageSeen():
                self._usage = event.usage
                return b""
            case Finished():
                self._finish = event.reason
                return b""
            case End():
                return self._begin() + self._send(self._close() + self._end())
            case Failed():
                return self._begin() + self._send(self._fail(event.error))
            case _:
                return self._begin() + self._send(self._content(event))

    def _send(self, events: Events) -> bytes:
        out = bytearray()
        for name, body in events:
            out += named(name, {"type": name, "sequence_number": self._sequence} | body)
            self._sequence += 1
        return bytes(out)

    def _begin(self, answer_id: str = "", model: str = "") -> bytes:
        if self._response is not None:
            return b""
        self._response = envelope(self._call, answer_id, model)
        body: Json = {"response": self._response}
        return self._send([("response.created", body), ("response.in_progress", body)])

    def _content(self, event: Event) -> Events:
        match event:
            case TextDelta(text):
                return self._say("text", text)
            case RefusalDelta(text):
                return self._say("refusal", text)
            case ThinkingDelta(text):
                return self._say("thinking", text)
            case ThinkingEnd(signature):
                return self._end_thought(signature)
            case Redacted(data):
                return self._close() + self._redacted(data)
            case ToolStart(_, call_id, name):
                return self._start_call(event.index, call_id, name)
            case ToolDelta(index, arguments):
                item = self._output[self._places[index]] if index in self._places else None
                return item.grow(arguments) if isinstance(item, CallItem) else []
            case _:
                return []

    def _say(self, kind: str, text: str) -> Events:
        opened = self._ensure(kind)
        item = self._output[self._open[-1]]
        return opened + ([] if isinstance(item, dict) else item.grow(text))

    def _ensure(self, kind: str) -> Events:
        """Open an item of a kind, unless one is."""
        if self._open:
            item = self._output[self._open[-1]]
            if not isinstance(item, dict) and item.kind == kind:
                return []
        closed = self._close()
        place = len(self._output)
        if kind == "thinking":
            return closed + self._add(ReasoningItem(self._id("rs"), place))
        return closed + self._add(MessageItem(self._id("msg"), place, refusal=kind == "refusal"))

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._call.call_id}_{len(self._output)}"

    def _add(self, item: Item) -> Events:
        self._open.append(len(self._output))
        self._output.append(item)
        return item.begin()

    def _start_call(self, number: int, call_id: str, name: str) -> Events:
        last = self._output[self._open[-1]] if self._open else None
        closed = [] if isinstance(last, CallItem) else self._close()
        place = len(self._output)
        self._places[number] = place
        return closed + self._add(CallItem(self._id("fc"), place, call_id, name))

    def _end_thought(self, signature: str) -> Events:
        opened = self._ensure("thinking") if signature else []
        item = self._output[self._open[-1]] if self._open else None
        if not isinstance(item, ReasoningItem):
            return opened
        item.signature = signature
        return opened + self._close()

    def _redacted(self, data: str) -> Events:
        item = reasoning_item(self._id("rs"), RedactedThinking(data))
        place = {"output_index": len(self._output), "item": item}
        self._output.append(item)
        return [("response.output_item.added", place), ("response.output_item.done", place)]

    def _close(self) -> Events:
        events: Events = []
        for place in self._open:
            item = self._output[place]
            if not isinstance(item, dict):
                events += item.end()
                self._output[place] = item.done()
        self._open.clear()
        return events

    def _items(self) -> list[Json]:
        return [item if isinstance(item, dict) else item.done() for item in self._output]

    def _end(self) -> Events:
        response = finished(self._response or {}, self._items(), self._finish, self._usage)
        name = "response.completed" if response["status"] == "completed" else "response.incomplete"
        return [(name, {"response": response | {"completed_at": self._call.now_s}})]

    def _fail(self, error: ErrorInfo) -> Events:
        return [("response.failed", {"response": failed(self._response or {}, self._items(), error)})]
