"""Reading along with an answer: what is recorded of it, and what of it goes on."""

from tallygate.edge.answer.kept import Kept
from tallygate.edge.capture import Capture
from tallygate.edge.http.coding import decoder
from tallygate.edge.http.names import RawHeaders
from tallygate.edge.usage.collector import collector_for
from tallygate.edge.usage.hider import UsageHider


class AnswerTap:
    """Takes the answer's bytes as they come; returns those that go to the caller."""

    needs_whole = False
    """Whether nothing goes on before all of it has come."""
    failed = False
    """Whether the stream told the caller of a failure that is not in `found`."""

    def __init__(
        self,
        status: int,
        content_type: str,
        content_encoding: str,
        capture: Capture,
        *,
        hide_usage: bool,
        kept: Kept | None = None,
    ) -> None:
        self.status = status
        """Of the answer to the caller."""
        self.content_type = content_type.lower()
        """Of the answer to the caller, in lower case."""
        self.capture = capture
        self._kept = kept
        self._collector = collector_for(content_type)
        self._decoder = decoder(content_encoding)
        plain = content_encoding.strip().lower() in {"", "identity"}
        self._hider = UsageHider() if hide_usage and plain else None
        self.found = self._collector.found

    @property
    def finished(self) -> bool:
        """The stream's last event has been seen: the caller may take the answer for complete."""
        return self._collector.finished

    @property
    def alters(self) -> bool:
        """Whether the caller may get other bytes than the provider sent."""
        return self._hider is not None

    broken = ""
    """How the stream broke, if `tells_break` told so."""

    def tells_break(self, kind: str) -> bool:
        """Whether the caller is told of a broken stream in its dialect; else its connection is broken too."""
        return False

    def head(self, sorted_headers: RawHeaders) -> RawHeaders:
        """The provider's headers as they go to the caller."""
        return sorted_headers

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes."""
        decoded = self._decoder.feed(data)
        self.capture.add(decoded, wire_bytes=len(data))
        self._collector.feed(decoded)
        if self._kept is not None:
            self._kept.add(decoded)
        return data if self._hider is None else self._hider.feed(data)

    def close(self) -> bytes:
        """The answer has ended; return what was held back."""
        self._collector.close()
        return b"" if self._hider is None else self._hider.close()
