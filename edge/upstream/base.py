"""What the proxy needs of an HTTP client, and how calls can fail."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from tallygate.edge.http.names import RawHeaders

ErrorKind = Literal["connect", "timeout", "closed", "protocol"]


class UpstreamError(Exception):
    """The provider could not be called, or its answer did not come whole."""

    kind: ErrorKind = "protocol"
    """Name of this error in an attempt's record."""


class UpstreamConnectError(UpstreamError):
    """No connection: name, route, refusal or TLS. The provider has not seen the call."""

    kind: ErrorKind = "connect"


class UpstreamTimeoutError(UpstreamError):
    """The provider did not answer in time."""

    kind: ErrorKind = "timeout"


class UpstreamClosedError(UpstreamError):
    """The connection ended before the answer did."""

    kind: ErrorKind = "closed"


class UpstreamProtocolError(UpstreamError):
    """The answer is not HTTP."""


@dataclass(slots=True)
class UpstreamRequest:
    """A request to be sent as it is."""

    method: str
    url: str
    """Absolute, and already encoded."""
    headers: RawHeaders
    """All but `Host`, and the framing of a body of unknown length."""
    body: bytes | AsyncIterator[bytes] | None
    length: int | None
    """Of the body; None if it is not known, which makes it chunked."""


class UpstreamResponse(Protocol):
    """An answer whose head has come."""

    status: int
    reason: str
    headers: RawHeaders

    async def chunk(self) -> bytes:
        """The next bytes of the body as they come, in their content coding; empty at its end.

        Raises:
            UpstreamError: the rest will not come.
        """
        ...

    @property
    def ended(self) -> bool:
        """Whether the body is known to have ended: `chunk` would return nothing, at once."""
        ...

    def close(self) -> None:
        """Give up the answer. The connection is used again only if the body was read to its end."""
        ...


class Upstream(Protocol):
    """An HTTP client."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send a request and wait for the head of its answer.

        Redirects are answers. Nothing is sent twice, unless a pooled connection turns out to have been closed
        as idle: then the provider has not seen it.

        Raises:
            UpstreamError: there is no answer.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
