"""Gemini's streamed answers, read."""

from tallygate.edge.dialects.common.answer import (
    AnswerPart,
    Event,
    Failed,
    Finished,
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
from tallygate.edge.dialects.common.request import Text, Thinking, ToolCall
from tallygate.edge.dialects.google.read_answer import (
    blocked,
    finish_of,
    read_error,
    read_parts,
    read_usage,
)


class GeminiDecoder(SseDecoder):
    """`GenerateContentResponse`s to events. There is no last marker: the finish reason is it."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call
        self._started = False
        self._calls = 0

    def read(self, value: Json) -> list[Event]:
        """Events of one response."""
        if "error" in value:
            code = obj(value["error"]).get("code")
            status = code if isinstance(code, int) and 400 <= code <= 599 else BROKEN
            return [Failed(read_error(status, value))]
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(Start(string(value.get("responseId")), string(value.get("modelVersion"))))
        for candidate in objs(value.get("candidates"))[:1]:
            events += self._candidate(candidate)
        if blocked(value):
            events += self._finish("SAFETY")
        if isinstance(value.get("usageMetadata"), dict):
            events.append(UsageSeen(read_usage(value["usageMetadata"])))
        return events

    def _candidate(self, candidate: Json) -> list[Event]:
        parts = read_parts(candidate, self._call, self._calls)
        events = [event for part in parts for event in self._part(part)]
        reason = string(candidate.get("finishReason"))
        return events + self._finish(reason) if reason else events

    def _finish(self, reason: str) -> list[Event]:
        self.finished = True
        return [Finished(finish_of(reason, called=self._calls > 0))]

    def _part(self, part: AnswerPart) -> list[Event]:
        match part:
            case Text(text):
                return [TextDelta(text)]
            case Thinking(text):
                return [ThinkingDelta(text)]
            case ToolCall():
                index = self._calls
                self._calls += 1
                start = ToolStart(index, part.id, part.name, part.signature)
                return [start, ToolDelta(index, part.arguments)]
            case _:
                return []
