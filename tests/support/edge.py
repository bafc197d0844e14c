"""A whole edge in the test's own process: real sockets, a real outbox, a provider at the level of bytes."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from tallygate.control.snapshot import Snapshot
from tallygate.edge.config import EdgeConfig, from_settings
from tallygate.edge.models import Offers
from tallygate.edge.outbox.reader import OutboxReader
from tallygate.edge.outbox.writer import OutboxWriter
from tallygate.edge.routing.registry import REGISTRY
from tallygate.edge.server import EdgeServer
from tallygate.runtime.config import ProviderConfig, Settings
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.topics import REQUESTS, RESPONSES
from tests.support.provider import Handler, Provider, answering, running_provider


@dataclass
class Edge:
    """A running edge and what belongs to it."""

    server: EdgeServer
    provider: Provider
    client: aiohttp.ClientSession
    outbox_dir: Path

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self.server.url

    def events(self) -> tuple[list[RequestEvent], list[ResponseEvent]]:
        """All events on disk."""
        return read_events(self.outbox_dir)

    def responses(self) -> list[ResponseEvent]:
        """All response events on disk."""
        return self.events()[1]

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, bytes]:
        """POST JSON, or bytes as they are; return status and body."""
        data = {"data": io.BytesIO(body)} if isinstance(body, bytes) else {"json": body}
        async with self.client.post(self.url + path, **data, **options) as response:
            return response.status, await response.read()

    async def raw(self, request: bytes, *, until_closed: bool = True) -> bytes:
        """Send bytes; return all that comes back until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, limit=1 << 22)
        try:
            writer.write(request)
            await writer.drain()
            return await asyncio.wait_for(reader.read(-1), 20)
        finally:
            writer.close()


def read_events(outbox_dir: Path) -> tuple[list[RequestEvent], list[ResponseEvent]]:
    """All events of an outbox, checked against their models."""
    reader = OutboxReader(outbox_dir)
    requests: list[RequestEvent] = []
    responses: list[ResponseEvent] = []
    while records := reader.read():
        for record in records:
            if record.topic == REQUESTS.code:
                requests.append(RequestEvent.model_validate_json(record.payload))
            elif record.topic == RESPONSES.code:
                responses.append(ResponseEvent.model_validate_json(record.payload))
    return requests, responses


def edge_config(provider_url: str, environ: Mapping[str, str] | None = None, **settings: Any) -> EdgeConfig:
    """A configuration whose providers all live at one address."""
    known = (id_ for id_, provider in REGISTRY.items() if provider.base_url)
    bases = {id_: ProviderConfig(base_url=provider_url + _sdk_path(id_)) for id_ in known}
    bases |= settings.pop("providers", {})
    built = from_settings(Settings(providers=bases, **settings), environ or {})
    return replace(built, port=0)


def _sdk_path(id_: str) -> str:
    """The path in the base URL that the provider's SDK takes."""
    return "/" + "/".join(REGISTRY[id_].base_url.split("/")[3:])


@asynccontextmanager
async def running_edge(
    directory: Path, handler: Handler, environ: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Edge]:
    """An edge in front of a provider."""
    async with (
        running_provider(handler) as provider,
        edge_before(directory, provider, environ, **settings) as edge,
    ):
        yield edge


@asynccontextmanager
async def edge_before(
    directory: Path,
    provider: Provider | str,
    environ: Mapping[str, str] | None = None,
    *,
    snapshots: Callable[[], Snapshot] | None = None,
    offers: Offers | None = None,
    **settings: Any,
) -> AsyncIterator[Edge]:
    """An edge in front of a running provider, or of whatever is at a URL."""
    if isinstance(provider, str):
        provider = Provider(answering(b""), provider)
    config = edge_config(provider.url, environ, **settings)
    outbox_dir = directory / "outbox"
    async with AsyncExitStack() as stack:
        outbox = OutboxWriter(outbox_dir, config.outbox)
        stack.callback(outbox.close)
        server = await stack.enter_async_context(
            EdgeServer(config, outbox, snapshots=snapshots, offers=offers)
        )
        client = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        yield Edge(server, provider, client, outbox_dir)
