"""An edge in the test's own process with its limits, budgets and cache, as a worker has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tallygate.edge import controls
from tallygate.edge.limits.meter import CallMeter
from tallygate.edge.outbox.writer import OutboxWriter
from tallygate.edge.server import EdgeServer
from tallygate.runtime.config import Settings
from tallygate.runtime.metrics import EdgeMetrics
from tests.support.edge import Edge, edge_config
from tests.support.provider import Handler, running_provider


@asynccontextmanager
async def controlled_edge(
    directory: Path, handler: Handler, meter: CallMeter | None = None, **settings: Any
) -> AsyncIterator[Edge]:
    """An edge in front of a provider; `directory` is its data directory."""
    async with running_provider(handler) as provider:
        config = edge_config(provider.url, {"OPENAI_API_KEY": "sk-environment"})
        metrics = EdgeMetrics(0)
        outbox_dir = directory / "outbox"
        outbox = OutboxWriter(outbox_dir, config.outbox)
        try:
            async with (
                controls.opened(Settings(data_dir=directory, **settings), metrics, meter) as steps,
                EdgeServer(config, outbox, metrics=metrics, gate=steps.gate, cache=steps.cache) as server,
                aiohttp.ClientSession(auto_decompress=False) as client,
            ):
                yield Edge(server, provider, client, outbox_dir)
        finally:
            outbox.close()
