"""Clients to be tested, requests for them, and providers that send what they like."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trustme

from tallygate.edge.http.names import RawHeaders
from tallygate.edge.upstream.base import Upstream, UpstreamRequest, UpstreamResponse
from tallygate.edge.upstream.lean.client import LeanUpstream
from tests.support.provider import Handler, Received


@asynccontextmanager
async def lean(
    *, keepalive_s: float = 15.0, connect_timeout_s: float = 10.0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[LeanUpstream]:
    """The client."""
    client = LeanUpstream(keepalive_s=keepalive_s, connect_timeout_s=connect_timeout_s, tls=tls)
    try:
        yield client
    finally:
        await client.close()


def request(
    url: str,
    method: str = "POST",
    body: bytes | AsyncIterator[bytes] | None = b"{}",
    *,
    headers: RawHeaders | None = None,
    length: int | None = None,
) -> UpstreamRequest:
    """A request; a body of bytes has its length."""
    size = len(body) if isinstance(body, bytes) else length
    return UpstreamRequest(method, url, headers or [], body, size)


async def read(response: UpstreamResponse) -> bytes:
    """The rest of an answer's body."""
    parts = []
    while data := await response.chunk():
        parts.append(data)
    return b"".join(parts)


async def fetch(client: Upstream, to_send: UpstreamRequest) -> tuple[int, bytes]:
    """Status and whole body of an answer."""
    response = await client.send(to_send)
    try:
        return response.status, await read(response)
    finally:
        response.close()


def sending(*parts: bytes, close: bool = False) -> Handler:
    """A handler that sends some bytes, in separate packets."""

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            for _ in range(4):  # the client's turn
                await asyncio.sleep(0)
        if close:
            writer.close()

    return handler


async def never(received: Received, writer: asyncio.StreamWriter) -> None:
    """A handler that does not answer."""
    await asyncio.Event().wait()


@asynccontextmanager
async def listening(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server without manners of its own; gives its host and port, and waits for its handlers."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            await handler(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        await asyncio.sleep(0.01)  # the ends of their connections


async def in_parts(*parts: bytes) -> AsyncIterator[bytes]:
    """A body that comes bit by bit."""
    for part in parts:
        await asyncio.sleep(0)
        yield part


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and both ends' contexts."""

    ca: trustme.CA
    client: ssl.SSLContext

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(context)
        return context


def authority() -> Authority:
    """A new authority, trusted by its clients only."""
    ca = trustme.CA()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    ca.configure_trust(context)
    return Authority(ca, context)
