"""One translated call: its request, and what to make of the provider's answer."""

from dataclasses import dataclass
from typing import Any

import orjson

from tallygate.edge.dialects.common.answer import End, Event, Failed
from tallygate.edge.dialects.common.base import (
    Call,
    Caller,
    Decoder,
    Encoder,
    Provider,
    ProviderRequest,
    Target,
    dump,
)
from tallygate.edge.dialects.common.errors import (
    ErrorInfo,
    InvalidFieldError,
    MalformedAnswerError,
    Policy,
)
from tallygate.edge.dialects.common.read import Json, Node

BAD_GATEWAY = 502


class StreamTranslator:
    """The provider's stream, cut anywhere, to the caller's. Never raises.

    `complete` says that the caller was given a whole answer; `error`, that it was told of a failure. After
    `close` one of them holds.
    """

    def __init__(self, decoder: Decoder, encoder: Encoder) -> None:
        self._decoder = decoder
        self._encoder = encoder
        self.complete = False
        self.error: ErrorInfo | None = None

    def feed(self, data: bytes) -> bytes:
        """What the caller is sent for these bytes of the provider's; may be nothing."""
        return self._encode(self._decoder.feed(data))

    def close(self) -> bytes:
        """What the caller is sent last, once the provider's stream is over."""
        return self._encode(self._decoder.close())

    def _encode(self, events: list[Event]) -> bytes:
        for event in events:
            if isinstance(event, End):
                self.complete = True
            elif isinstance(event, Failed):
                self.error = event.error
        return b"".join(self._encoder.encode(event) for event in events)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was translated, ready to be sent."""

    request: ProviderRequest
    dropped: tuple[str, ...]
    """Fields that were left out, as the caller names them."""
    _caller: Caller
    _provider: Provider
    _call: Call

    def response(self, status: int, body: bytes) -> tuple[int, bytes]:
        """Status and body for the caller, from the provider's whole answer, good or bad. Never raises."""
        value = _parse(body)
        if status >= 400:
            return status, self._error(self._provider.error(status, value))
        try:
            if not isinstance(value, dict):
                raise MalformedAnswerError("the provider's answer is not a JSON object")
            answer = self._provider.answer(value, self._call)
            return status, dump(self._caller.answer(answer, self._call))
        except (MalformedAnswerError, orjson.JSONEncodeError) as error:
            return BAD_GATEWAY, self._error(_malformed(error))

    def stream(self) -> StreamTranslator:
        """For a streamed answer (of status 200; any other status has a whole body)."""
        return StreamTranslator(self._provider.decoder(self._call), self._caller.encoder(self._call))

    def _error(self, error: ErrorInfo) -> bytes:
        return dump(self._caller.error(error))


def _malformed(error: Exception) -> ErrorInfo:
    return ErrorInfo(BAD_GATEWAY, str(error), code="invalid_provider_response", type="api_error")


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


@dataclass(frozen=True, slots=True)
class Translation:
    """From one caller's dialect to one provider's."""

    caller: Caller
    provider: Provider

    def begin(
        self, body: Json, target: Target, *, call_id: str, now_s: int, drop_unsupported: bool = False
    ) -> Exchange:
        """Translate a request.

        Args:
            body: the caller's JSON; not changed.
            target: the model, as the provider names it, and the provider.
            call_id: unique; ids in the answer are made from it where the provider gives none.
            now_s: Unix time in seconds, for dialects whose answers carry one.
            drop_unsupported: leave out what has no equivalent, instead of refusing.

        Raises:
            InvalidFieldError: the request is malformed; answer 400 and name `field`.
            UnsupportedFieldError: something in it has no equivalent; answer 400 and name `field`.
        """
        policy = Policy(drop_unsupported)
        try:
            request = self.caller.parse(Node(body), policy)
            sent = self.provider.render(request, target, policy)
        except (RecursionError, orjson.JSONEncodeError) as error:
            raise InvalidFieldError("body", "is nested too deeply") from error
        call = Call(body, request, target, call_id, now_s)
        return Exchange(sent, tuple(policy.dropped), self.caller, self.provider, call)
