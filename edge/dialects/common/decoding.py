"""What all decoders of server-sent events share: splitting, JSON, and how a stream ends."""

from typing import Any

import orjson

from tallygate.edge.dialects.common.answer import End, Event, Failed
from tallygate.edge.dialects.common.errors import ErrorInfo
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.http.sse import Piece, SseSplitter, data_of

BROKEN = 502
MAX_EVENT_BYTES = 32 * 1024 * 1024
"""Of one event: a picture in an answer is one."""


def broken(message: str) -> Failed:
    """The provider's stream is not what it should be."""
    return Failed(ErrorInfo(BROKEN, message, code="invalid_provider_response", type="api_error"))


class Ending:
    """Lets through exactly one End or Failed, and nothing after it."""

    def __init__(self) -> None:
        self.over = False

    def pass_on(self, events: list[Event]) -> list[Event]:
        """The events up to the first that ends the stream."""
        if self.over:
            return []
        for index, event in enumerate(events):
            if isinstance(event, End | Failed):
                self.over = True
                return events[: index + 1]
        return events


class SseDecoder:
    """Base of the decoders of server-sent events. Subclasses read one JSON object at a time."""

    def __init__(self) -> None:
        self._splitter = SseSplitter(MAX_EVENT_BYTES)
        self._ending = Ending()
        self.finished = False
        """The provider has said why it stopped: the answer is complete even without a last marker."""

    def feed(self, data: bytes) -> list[Event]:
        """Events that these bytes complete."""
        pieces = self._splitter.feed(data)
        return self._ending.pass_on([event for piece in pieces for event in self._piece(piece)])

    def close(self) -> list[Event]:
        """Last events, once the provider's stream is over."""
        events = self._ending.pass_on(self._event(self._splitter.close()))
        last: Event = End() if self.finished else broken("the provider closed the stream early")
        return events + self._ending.pass_on([last])

    def _piece(self, piece: Piece) -> list[Event]:
        if piece.kind == "event":
            return self._event(piece.raw)
        return [broken("the provider sent an event that is too long")]

    def _event(self, raw: bytes) -> list[Event]:
        data = data_of(raw).strip()
        if not data:
            return []
        if data == b"[DONE]":
            return [End()]
        try:
            value: Any = orjson.loads(data)
            return self.read(value) if isinstance(value, dict) else []
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return [broken("the provider sent an event that is no JSON, or is nested too deeply")]

    def read(self, value: Json) -> list[Event]:
        """Events of one JSON object of the stream."""
        raise NotImplementedError
