"""An edge in the test's own process with its limits, budgets and cache, as a worker has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tallygate.control.records import ProjectSettings
from tallygate.control.rules import model_matcher
from tallygate.control.secrets import digest
from tallygate.control.snapshot import Grant, KeyInfo, Snapshot
from tallygate.edge import controls
from tallygate.edge.budget.worst import WorstCases
from tallygate.edge.limits.meter import CallMeter
from tallygate.edge.outbox.writer import OutboxWriter
from tallygate.edge.server import EdgeServer
from tallygate.runtime.config import Settings
from tallygate.runtime.metrics import EdgeMetrics
from tests.support.edge import Edge, edge_config
from tests.support.provider import Handler, running_provider


@asynccontextmanager
async def controlled_edge(
    directory: Path,
    handler: Handler,
    meter: CallMeter | None = None,
    snapshot: Snapshot | None = None,
    worst_cases: WorstCases | None = None,
    **settings: Any,
) -> AsyncIterator[Edge]:
    """An edge in front of a provider; `directory` is its data directory."""
    async with running_provider(handler) as provider:
        config = edge_config(provider.url, {"OPENAI_API_KEY": "sk-environment"})
        metrics = EdgeMetrics(0)
        outbox_dir = directory / "outbox"
        outbox = OutboxWriter(outbox_dir, config.outbox)
        try:
            async with (
                controls.opened(
                    Settings(data_dir=directory, **settings),
                    metrics,
                    meter,
                    worst_cases,
                    lambda: (snapshot or Snapshot()).rule_book,
                ) as steps,
                EdgeServer(
                    config,
                    outbox,
                    metrics=metrics,
                    gate=steps.gate,
                    cache=steps.cache,
                    snapshots=lambda: snapshot or Snapshot(),
                ) as server,
                aiohttp.ClientSession(auto_decompress=False) as client,
            ):
                yield Edge(server, provider, client, outbox_dir)
        finally:
            outbox.close()


def snapshot_of(*keys: KeyInfo, **projects: ProjectSettings) -> Snapshot:
    """Control data of some keys, whose secrets are `tg-<key id>`."""
    return Snapshot(
        settings={key.project: ProjectSettings() for key in keys} | projects,
        grants={digest(f"tg-{key.key_id}"): Grant(key, None) for key in keys},
    )


def key_of(key_id: str, project: str = "default", rate_limits: tuple[str, ...] = ()) -> KeyInfo:
    """A gateway key that may use every model."""
    return KeyInfo(key_id, project, key_id, "", (), rate_limits, None, model_matcher(()))
