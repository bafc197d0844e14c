"""A provider at the level of bytes: it can answer anything, and shows exactly what it was sent."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Handler = Callable[["Received", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Received:
    """A request as it was on the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """A header's value, by its name without regard to case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Provider:
    """A listening provider."""

    handler: Handler
    url: str = ""
    received: list[Received] = field(default_factory=list)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the gateway closes a connection while the handler is at work."""
    keep_body: bool = True
    connections: int = 0
    """How many have been made."""

    @property
    def last(self) -> Received:
        """The latest request."""
        return self.received[-1]


def http(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """An answer of a known length; underscores in header names become hyphens."""
    given = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answering(data: bytes) -> Handler:
    """A handler that always sends these bytes."""

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return handler


SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; empty data ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def streaming(events: Iterable[bytes]) -> Handler:
    """A handler that sends events, each in a chunk of its own."""
    kept = list(events)

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD)
        for event in kept:
            writer.write(chunk(event))
            await writer.drain()
        writer.write(chunk(b""))

    return handler


@asynccontextmanager
async def running_provider(
    handler: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Provider]:
    """A provider on a free port of the loopback; with TLS if it has a context."""
    provider = Provider(handler)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        provider.connections += 1
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            while (received := await _read(reader, keep=provider.keep_body)) is not None:
                provider.received.append(received)
                await provider.handler(received, writer)
                if writer.is_closing():
                    break
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            provider.disconnected.set()
        finally:
            if tls is not None:  # a polite end would outlast the test
                writer.transport.abort()
            writer.close()

    server = await asyncio.start_server(connected, host, 0, limit=1 << 20, ssl=tls)
    authority = f"[{host}]" if ":" in host else host
    scheme = "http" if tls is None else "https"
    provider.url = f"{scheme}://{authority}:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader, *, keep: bool) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    received = Received(method, target, headers)
    if (received.header("transfer-encoding") or "") == "chunked":
        received.body = await _read_chunks(reader, keep=keep)
    else:
        received.body = await _read_exactly(reader, int(received.header("content-length") or 0), keep=keep)
    return received


async def _read_exactly(reader: asyncio.StreamReader, size: int, *, keep: bool) -> bytes:
    parts = []
    while size:
        data = await reader.read(min(size, 1 << 16))
        if not data:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(data)
        if keep:
            parts.append(data)
    return b"".join(parts)


async def _read_chunks(reader: asyncio.StreamReader, *, keep: bool) -> bytes:
    parts = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).strip(), 16)
        parts.append(await _read_exactly(reader, size, keep=keep))
        await reader.readexactly(2)
        if not size:
            return b"".join(parts)
