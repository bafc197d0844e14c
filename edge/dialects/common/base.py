"""The two sides of a translation, as protocols."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from tallygate.edge.dialects.common.answer import Answer, Event
from tallygate.edge.dialects.common.errors import ErrorInfo, Policy
from tallygate.edge.dialects.common.read import Json, Node
from tallygate.edge.dialects.common.request import Request


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    model: str
    """As the provider names it."""
    provider: str = "openai"
    """Providers of one dialect differ in small things; see `openai_chat/variants.py`."""
    stream_usage: bool = True
    """Whether usage in streams must be asked for; some that send it unasked refuse `stream_options`."""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """What to POST to the provider."""

    path: str
    """Below the base URL that the provider's own SDK takes (of `chat/completions`: below the root of the
    OpenAI-compatible API); percent-encoded; may carry a query."""
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    """Without credentials."""
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """What an answer needs to know of its request."""

    body: Json
    """As the caller sent it."""
    request: Request
    target: Target
    call_id: str
    """Unique; the ids of the answer are made from it where the provider gives none."""
    now_s: int
    """Unix time, in seconds."""


class Encoder(Protocol):
    """Turns events into the bytes of a stream of the caller's dialect."""

    def encode(self, event: Event) -> bytes:
        """Bytes for one event; may be none."""


class Decoder(Protocol):
    """Turns the bytes of a provider's stream, cut anywhere, into events. Never raises."""

    def feed(self, data: bytes) -> list[Event]:
        """Events that these bytes complete."""

    def close(self) -> list[Event]:
        """Last events, once the provider's stream is over: End or Failed, unless one was given before."""


class Caller(Protocol):
    """A dialect as callers speak it."""

    def parse(self, body: Node, policy: Policy) -> Request:
        """Read a request.

        Raises:
            TranslationError: it is malformed, or holds what no provider could be told.
        """

    def answer(self, answer: Answer, call: Call) -> Json:
        """Body of a successful answer."""

    def encoder(self, call: Call) -> Encoder:
        """For a streamed answer."""

    def error(self, error: ErrorInfo) -> Json:
        """Body of an error."""


class Provider(Protocol):
    """A dialect as a provider speaks it."""

    def render(self, request: Request, target: Target, policy: Policy) -> ProviderRequest:
        """Write a request.

        Raises:
            TranslationError: it holds what this provider cannot be told.
        """

    def answer(self, body: Json, call: Call) -> Answer:
        """Read a successful answer.

        Raises:
            MalformedAnswerError: it is none.
        """

    def decoder(self, call: Call) -> Decoder:
        """For a streamed answer."""

    def error(self, status: int, body: Any) -> ErrorInfo:
        """Read an error; the body is parsed JSON, or None if it was not JSON."""


def dump(value: Any) -> bytes:
    """Encode JSON."""
    return orjson.dumps(value)
