"""Opening connections: name, route, TLS; and why that failed."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from aiohappyeyeballs import start_connection

from tallygate.edge.upstream.base import UpstreamConnectError
from tallygate.edge.upstream.lean.origin import Origin
from tallygate.edge.upstream.lean.resolver import Resolver

CONNECT_TIMEOUT_S = 10.0
"""For all of it together."""
_NEXT_ADDRESS_AFTER_S = 0.25
"""RFC 8305, section 5."""
_PROBE_AFTER_S = 60
"""Of silence: models think for minutes, and routers forget connections on which nothing is sent."""

P = TypeVar("P", bound=asyncio.Protocol)


@cache
def tls_context() -> ssl.SSLContext:
    """Certificates and host names are checked against the system's authorities; HTTP/1.1 and no other."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialer:
    """Opens connections."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._loop = loop
        self._tls = tls or tls_context()
        self._timeout_s = timeout_s
        self._resolver = Resolver(loop)

    async def dial(self, origin: Origin, protocol: Callable[[], P]) -> P:
        """Connect a protocol.

        Raises:
            UpstreamConnectError: there is no connection. The message names no host.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._connected(origin, protocol)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError, and so are TLS's
            self._resolver.forget(origin.host, origin.port)
            raise UpstreamConnectError(f"no connection ({_reason(error)})") from error

    async def _connected(self, origin: Origin, protocol: Callable[[], P]) -> P:
        addresses = await self._resolver.look_up(origin.host, origin.port)
        # The loop's own way (uvloop's) tries one address after the other.
        sock = await start_connection(
            addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER_S, interleave=1, loop=self._loop
        )
        try:
            _keep_alive(sock)
            _, connected = await self._loop.create_connection(
                protocol,
                sock=sock,
                ssl=self._tls if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connected


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_AFTER_S)


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "timeout"
        case ssl.SSLCertVerificationError():
            return f"certificate: {error.verify_message.partition(',')[0]}"
        case ssl.SSLError():
            return f"TLS: {error.reason or type(error).__name__}"
        case socket.gaierror():
            return error.strerror or "unknown name"
        case OSError(errno=int(number)):
            return os.strerror(number)
        case _:
            return type(error).__name__
