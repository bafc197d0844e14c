"""POST to addresses that others have chosen: the one place here that connects to them.

Every address is checked when it is connected to, so that a name can't lead to one address for a check and to
another for the connection. Redirects are not followed, proxies of the environment are not used, and of an
answer only the status counts: nothing of it is kept or shown, so that nobody reads through this process what
he can't reach himself.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from aiohttp.typedefs import LooseHeaders

from tallygate.stream_processors.notify.addresses import AddressGuard
from tallygate.stream_processors.notify.outcome import Outcome, failed

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 64 * 1024
"""Of an answer this much is read, so that the connection can be used again; then it is closed."""
MAX_RETRY_AFTER_S = 24 * 3600
GONE = 410
AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]


class AddressNotAllowedError(OSError):
    """An address that may not be connected to."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not a public address; an operator can allow its network in notify.allow_private"
        )


class GuardedResolver(AbstractResolver):
    """Resolves names, and leaves out addresses that may not be connected to."""

    def __init__(self, guard: AddressGuard, resolver: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver`."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [result for result in found if self._guard.allows(result["host"])]
        if found and not allowed:
            raise AddressNotAllowedError(host)
        return allowed

    async def close(self) -> None:
        """See `AbstractResolver`."""
        await self._resolver.close()


class GuardedClient:
    """Sends JSON. To be made within a loop, and closed."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        timeout_s: float,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` is for certificates that the system doesn't know."""
        self._guard = guard
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(guard, resolver),
            # Also for URLs that name an address: those are not resolved.
            socket_factory=self._socket,
            ssl=tls or True,
            limit=0,
            keepalive_timeout=15,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        self._timeout_s = timeout_s

    async def post(self, url: str, body: bytes, headers: LooseHeaders) -> Outcome:
        """Send; never raises for what the receiver or the network does."""
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await _read_away(answer)
                return outcome_of(answer.status, answer.headers)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return failed(_reason(error, self._timeout_s))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _socket(self, info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not self._guard.allows(str(address[0])):
            raise AddressNotAllowedError(str(address[0]))
        return socket.socket(family, kind, protocol)


def outcome_of(status: int, headers: Mapping[str, str]) -> Outcome:
    """What an answer means: all but 2xx are failures."""
    if 200 <= status < 300:
        return Outcome("delivered", status=status)
    if status == GONE:
        return Outcome("gone", status=status, error="the receiver answered 410 Gone")
    if 300 <= status < 400:
        return failed(f"the receiver answered {status}: redirects are not followed", status=status)
    return failed(f"the receiver answered {status}", status=status, retry_after_s=_retry_after(headers))


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "").strip()
    if not (value.isascii() and value.isdecimal() and len(value) < 10):
        return 0.0
    return float(min(int(value), MAX_RETRY_AFTER_S))


async def _read_away(answer: aiohttp.ClientResponse) -> None:
    """Read an answer's body so that its connection can serve again, or close it if the body is long."""
    left = MAX_ANSWER_BYTES
    async for chunk in answer.content.iter_any():
        left -= len(chunk)
        if left < 0:
            answer.close()
            return


def _reason(error: Exception, timeout_s: float) -> str:
    """In words, without anything of the URL but its host."""
    cause: BaseException = error
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    if isinstance(cause, AddressNotAllowedError):
        return str(cause)
    match error:
        case asyncio.TimeoutError():
            return f"no answer within {timeout_s:g} s"
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} can't be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return f"no TLS connection to {error.host}: {_short(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}: {_short(error.os_error)}"
        case aiohttp.InvalidURL():
            return "the URL can't be used"
        case aiohttp.ServerDisconnectedError():
            return "the receiver closed the connection without an answer"
        case _:
            return f"the exchange failed: {type(error).__name__}"


def _short(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
