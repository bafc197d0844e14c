"""Bedrock's streamed answers, read."""

from typing import Any

import orjson

from tallygate.edge.dialects.bedrock.eventstream import EventStreamError, EventStreamSplitter, Message
from tallygate.edge.dialects.bedrock.read_answer import FINISH, read_usage
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
from tallygate.edge.dialects.common.decoding import Ending, broken
from tallygate.edge.dialects.common.errors import ErrorInfo
from tallygate.edge.dialects.common.read import Json, obj, string

STATUS = {
    "throttlingException": 429,
    "validationException": 400,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
    "modelStreamErrorException": 424,
}


class BedrockDecoder:
    """Messages of a `ConverseStream` to events."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._splitter = EventStreamSplitter()
        self._ending = Ending()
        self._finished = False
        self._calls = 0
        self._thinking = False
        self._signature = ""

    def feed(self, data: bytes) -> list[Event]:
        """Events that these bytes complete."""
        if self._ending.over:
            return []
        try:
            messages = self._splitter.feed(data)
        except EventStreamError as error:
            return self._ending.pass_on([broken(f"the provider's stream is broken: {error}")])
        return self._ending.pass_on([event for message in messages for event in self._message(message)])

    def close(self) -> list[Event]:
        """Last events, once the provider's stream is over."""
        last: Event = End() if self._finished else broken("the provider closed the stream early")
        return self._ending.pass_on([last])

    def _message(self, message: Message) -> list[Event]:
        try:
            value: Any = orjson.loads(message.payload) if message.payload else {}
        except orjson.JSONDecodeError:
            return [broken("the provider sent an event that is not JSON")]
        headers, body = message.headers, obj(value)
        if headers.get(":message-type") == "exception":
            return [_failed(headers.get(":exception-type", ""), string(body.get("message")))]
        if headers.get(":message-type") == "error":
            return [_failed(headers.get(":error-code", ""), headers.get(":error-message", ""))]
        return self._event(headers.get(":event-type", ""), body)

    def _event(self, kind: str, body: Json) -> list[Event]:
        match kind:
            case "messageStart":
                return [Start(model=self._call.target.model)]
            case "contentBlockStart":
                return self._open(obj(obj(body.get("start")).get("toolUse")))
            case "contentBlockDelta":
                return self._delta(obj(body.get("delta")))
            case "contentBlockStop":
                return self._close_block()
            case "messageStop":
                self._finished = True
                return [Finished(FINISH.get(string(body.get("stopReason")), "stop"))]
            case "metadata":
                return [UsageSeen(read_usage(body.get("usage"))), End()]
            case _:
                return []

    def _open(self, use: Json) -> list[Event]:
        if not use:
            return []
        self._calls += 1
        return [ToolStart(self._calls - 1, string(use.get("toolUseId")), string(use.get("name")))]

    def _delta(self, delta: Json) -> list[Event]:
        if text := string(delta.get("text")):
            return [TextDelta(text)]
        if arguments := string(obj(delta.get("toolUse")).get("input")):
            return [ToolDelta(self._calls - 1, arguments)]
        return self._thought(obj(delta.get("reasoningContent")))

    def _thought(self, thought: Json) -> list[Event]:
        if redacted := string(thought.get("redactedContent")):
            return [Redacted(redacted)]
        self._signature += string(thought.get("signature"))
        text = string(thought.get("text"))
        self._thinking = self._thinking or bool(text or self._signature)
        return [ThinkingDelta(text)] if text else []

    def _close_block(self) -> list[Event]:
        if not self._thinking:
            return []
        signature, self._signature, self._thinking = self._signature, "", False
        return [ThinkingEnd(signature)]


def _failed(kind: str, message: str) -> Failed:
    text = message or "the provider's stream failed"
    return Failed(ErrorInfo(STATUS.get(kind, 500), text, type=kind or None))
