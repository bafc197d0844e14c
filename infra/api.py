"""Serving the query API, the admin API and the pages: beside the core, or alone over a ClickHouse server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry

from tallygate.analytics.app import build_app
from tallygate.control.api.app import mount_admin
from tallygate.infra import ports
from tallygate.infra.process import StopSignals
from tallygate.runtime.clickhouse import ServerTarget, Target
from tallygate.runtime.config import ConfigError, Settings
from tallygate.runtime.loopback import is_loopback

log = logging.getLogger(__name__)

SHUTDOWN_S = 0.5
"""For requests under way when the process stops; queries have a limit of their own."""


def run(settings: Settings) -> None:
    """Serve over a ClickHouse server until SIGTERM or SIGINT.

    Raises:
        ConfigError: others could reach the address.
        PortError: the port is taken.
    """
    import uvloop

    require_loopback(settings.api_host)
    ports.ensure_free(settings.api_host, settings.api_port, "API", "TALLYGATE_API_PORT")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signalled(settings))


async def _until_signalled(settings: Settings) -> None:
    signals = StopSignals.listening()
    async with serving(settings, ServerTarget(settings.clickhouse), CollectorRegistry()):
        await signals.stop.wait()


@asynccontextmanager
async def serving(settings: Settings, target: Target, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Serve while the block runs; `registry` is told at `/metrics`."""
    gateway = f"http://{settings.edge_host}:{settings.edge_port}"
    app = build_app(target, gateway_url=gateway, registry=registry)
    mount_admin(app, settings, open_mode=True)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.api_host, settings.api_port).start()
        log.info("API and pages at http://%s:%d", settings.api_host, settings.api_port)
        yield
    finally:
        await runner.cleanup()


def require_loopback(host: str) -> None:
    """Without keys everybody who reaches the API reads everything: only this machine may.

    Raises:
        ConfigError: another address.
    """
    if not is_loopback(host):
        raise ConfigError(
            f"api_host (TALLYGATE_API_HOST): {host} can be reached by others, and without keys they could "
            "read every prompt; use 127.0.0.1, or a reverse proxy that authenticates"
        )
