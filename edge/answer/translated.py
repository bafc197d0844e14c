"""An answer that is translated on its way: the provider's bytes are accounted, the caller's are recorded."""

from http import HTTPStatus

from tallygate.edge.answer.kept import Kept
from tallygate.edge.capture import Capture
from tallygate.edge.dialects.exchange import Exchange
from tallygate.edge.http.coding import decoder
from tallygate.edge.http.names import RawHeaders
from tallygate.edge.usage.collector import collector_for

_REPLACED = frozenset({b"content-type", b"content-encoding", b"content-length", b"cache-control"})
_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"


class TranslatingTap:
    """As `AnswerTap`, between two dialects."""

    alters = True

    def __init__(
        self,
        exchange: Exchange,
        status: int,
        content_type: str,
        content_encoding: str,
        capture: Capture,
        kept: Kept | None,
    ) -> None:
        self._exchange = exchange
        self._provider_status = status
        self.status = status
        """Of the answer to the caller."""
        streams = exchange.request.stream and status == HTTPStatus.OK
        self._stream = exchange.stream() if streams else None
        self.needs_whole = self._stream is None
        self.content_type = _EVENTS if streams else _JSON
        self.capture = capture
        self._kept = kept
        self._decoder = decoder(content_encoding)
        self._collector = collector_for(content_type)
        self._parts: list[bytes] = []
        self.found = self._collector.found
        self.broken = ""
        """How the provider's stream broke."""

    @property
    def finished(self) -> bool:
        """The caller has, with what `feed` returned last, all that it waits for."""
        return self._stream is not None and (self._stream.complete or self._stream.error is not None)

    @property
    def failed(self) -> bool:
        """Whether the stream told the caller of a failure."""
        return self._stream is not None and self._stream.error is not None

    def tells_break(self, kind: str) -> bool:
        """The provider's stream broke: `close` will say so, if it had not ended for the caller."""
        self.broken = "" if self.finished else kind
        return self._stream is not None

    def head(self, sorted_headers: RawHeaders) -> RawHeaders:
        """The provider's headers as they go to the caller."""
        kept = [(name, value) for name, value in sorted_headers if name.lower() not in _REPLACED]
        return [*kept, (b"Content-Type", self.content_type.encode())]

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the provider's."""
        decoded = self._decoder.feed(data)
        self._collector.feed(decoded)
        if self._stream is not None:
            return self._told(self._stream.feed(decoded))
        self._parts.append(decoded)
        return b""

    def close(self) -> bytes:
        """The provider's answer has ended; return what is left for the caller."""
        self._collector.close()
        if self._stream is not None:
            rest = self._told(self._stream.close())
            self._note_error()
            return rest
        body = b"".join(self._parts)
        self.status, told = self._exchange.response(self._provider_status, body)
        if self.status != self._provider_status:
            self.found.error_code = self.found.error_code or "invalid_provider_response"
        return self._told(told)

    def _note_error(self) -> None:
        error = self._stream.error if self._stream is not None else None
        if error is not None and not self.found.error_message:
            self.found.error_code = self.found.error_code or error.code or error.type or ""
            self.found.error_message = error.message[:512]

    def _told(self, data: bytes) -> bytes:
        self.capture.add(data)
        if self._kept is not None:
            self._kept.add(data)
        if self.failed:
            self._note_error()
        return data
