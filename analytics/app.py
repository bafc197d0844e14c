"""The application: query API and page. Knows ClickHouse by its target only, embedded or a server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from importlib import metadata

from aiohttp import web
from prometheus_client import CollectorRegistry

from tallygate.analytics import handlers
from tallygate.analytics.api.document import get_document
from tallygate.analytics.api.page import get_docs
from tallygate.analytics.api.table import OPERATIONS
from tallygate.analytics.calls import Calls
from tallygate.analytics.console import Console
from tallygate.analytics.executor import QueryExecutor
from tallygate.analytics.export.progress import Exports
from tallygate.analytics.feedback.wiring import add_writers
from tallygate.analytics.keys import CALLS, CONSOLE, EXECUTOR, EXPORTS, INFO, LIVE, METRICS
from tallygate.analytics.live.source import Live
from tallygate.analytics.metrics import ApiMetrics
from tallygate.analytics.middlewares import counted, explained, shielded
from tallygate.analytics.models import Info
from tallygate.analytics.pages import add_pages
from tallygate.analytics.reports.budgets import LEDGER, Ledger, no_ledger
from tallygate.control.access.gate import DOOR, Door, gate
from tallygate.control.access.open_door import OpenDoor
from tallygate.control.api.exchange import OPENED
from tallygate.control.store.database import ControlStore
from tallygate.runtime.clickhouse import ClickHouseError, Target

MAX_BODY_BYTES = 1024 * 1024


def build_app(
    target: Target,
    *,
    gateway_url: str = "http://127.0.0.1:8080",
    registry: CollectorRegistry | None = None,
    door: Door | None = None,
    store: Callable[[], ControlStore] | None = None,
    ledger: Ledger = no_ledger,
    live: Live | None = None,
) -> web.Application:
    """Build the application; it opens its own connections, in its own threads, when they are needed.

    Args:
        gateway_url: where the page tells newcomers to send their first call.
        registry: of the process, if it has more to tell at `/metrics`.
        door: how it is found out who asks; else whoever is at this machine.
        store: gives the control store, in a thread; holds saved queries.
        ledger: how rules stand.
        live: the accounting's running totals, if this process can read them.
    """
    door = OpenDoor() if door is None else door
    app = web.Application(
        middlewares=[counted, shielded, explained, gate(door)], client_max_size=MAX_BODY_BYTES
    )
    app[DOOR] = door
    app[CALLS] = Calls(target)
    app[CONSOLE] = Console(target)
    app[EXECUTOR] = QueryExecutor()
    app[METRICS] = ApiMetrics(registry if registry is not None else CollectorRegistry())
    app[EXPORTS] = Exports()
    app[LEDGER] = ledger
    if store is not None:
        app[OPENED] = store
    add_writers(app, target)
    app[LIVE] = live
    app[INFO] = Info(version=metadata.version("tallygate"), gateway_url=gateway_url)
    app.on_shutdown.append(_stop_queries)
    app.cleanup_ctx.append(_connections)
    _add_routes(app)
    add_pages(app)
    return app


def _add_routes(app: web.Application) -> None:
    for operation in OPERATIONS:
        app.router.add_route(operation.method, operation.path, operation.handler)
    app.router.add_get("/api/v1/openapi.json", get_document)
    app.router.add_get("/api/v1/docs", get_docs)
    app.router.add_get("/healthz", handlers.healthz)
    app.router.add_get("/readyz", handlers.readyz)
    app.router.add_get("/metrics", handlers.metrics)


async def _stop_queries(app: web.Application) -> None:
    """Before the handlers are waited for: their callers are told, and nobody waits out a long query."""
    await app[EXECUTOR].end(lambda: _cancel(app))


def _cancel(app: web.Application) -> None:
    for reader in (app[CONSOLE], app[CALLS]):
        # A server that is down runs nothing of ours.
        with suppress(ClickHouseError):
            reader.cancel()


async def _connections(app: web.Application) -> AsyncIterator[None]:
    yield
    await asyncio.to_thread(_close, app)


def _close(app: web.Application) -> None:
    app[EXECUTOR].close()
    app[CONSOLE].close()
    app[CALLS].close()
