"""Streamed chat completions of providers, read."""

from tallygate.edge.dialects.common.answer import (
    Event,
    Failed,
    Finished,
    RefusalDelta,
    Start,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStart,
    UsageSeen,
)
from tallygate.edge.dialects.common.base import Call
from tallygate.edge.dialects.common.decoding import BROKEN, SseDecoder
from tallygate.edge.dialects.common.read import Json, obj, objs, string
from tallygate.edge.dialects.openai_chat.read_answer import (
    FINISH,
    read_error,
    signature_of,
    thought_of,
)
from tallygate.edge.dialects.openai_chat.usage import read_usage


class ChatDecoder(SseDecoder):
    """`chat.completion.chunk`s to events."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call
        self._started = False
        self._ids: list[str] = []
        """Ids of the tool calls begun, by our own number of the call."""
        self._numbers: dict[int, int] = {}
        """Our number of the call that an index of the provider's stands for now."""

    def read(self, value: Json) -> list[Event]:
        """Events of one chunk."""
        if value.get("error") is not None:
            return [Failed(read_error(_status(value), value))]
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(Start(string(value.get("id")), string(value.get("model"))))
        for choice in objs(value.get("choices"))[:1]:
            events += self._choice(choice)
        if isinstance(value.get("usage"), dict):
            events.append(UsageSeen(read_usage(value["usage"])))
        return events

    def _choice(self, choice: Json) -> list[Event]:
        delta = obj(choice.get("delta"))
        events: list[Event] = []
        if thought := thought_of(delta):
            events.append(ThinkingDelta(thought))
        if text := string(delta.get("content")):
            events.append(TextDelta(text))
        if refusal := string(delta.get("refusal")):
            events.append(RefusalDelta(refusal))
        for position, tool in enumerate(objs(delta.get("tool_calls"))):
            events += self._tool(tool, position)
        reason = string(choice.get("finish_reason"))
        if reason:
            self.finished = True
            finish = FINISH.get(reason, "stop")
            events.append(Finished("tool_calls" if finish == "stop" and self._ids else finish))
        return events

    def _tool(self, tool: Json, position: int) -> list[Event]:
        function = obj(tool.get("function"))
        index = tool.get("index")
        index = index if isinstance(index, int) else position
        events: list[Event] = []
        if self._is_new(index, string(tool.get("id"))):
            number = len(self._ids)
            self._numbers[index] = number
            self._ids.append(string(tool.get("id")) or f"call_{self._call.call_id}_{number}")
            name = string(function.get("name"))
            events.append(ToolStart(number, self._ids[number], name, signature_of(tool)))
        arguments = string(function.get("arguments"))
        return [*events, ToolDelta(self._numbers[index], arguments)] if arguments else events

    def _is_new(self, index: int, call_id: str) -> bool:
        """Some servers give every parallel call index 0: another id is another call."""
        number = self._numbers.get(index)
        return number is None or (bool(call_id) and self._ids[number] != call_id)


def _status(value: Json) -> int:
    code = obj(value.get("error")).get("code")
    return code if isinstance(code, int) and 400 <= code <= 599 else BROKEN
