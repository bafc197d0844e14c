"""Serving the query API, the admin API and the pages: beside the core, or alone over a ClickHouse server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry

from tallygate.analytics.app import build_app
from tallygate.analytics.live.source import Live
from tallygate.analytics.reports.budgets import Ledger, no_ledger
from tallygate.control.access.mount import door_for, mount_sign_in
from tallygate.control.access.origin import is_safe
from tallygate.control.api.app import PREFIX, build_admin
from tallygate.control.errors import StoreUnavailableError
from tallygate.control.later import LaterStore
from tallygate.control.open import open_rules, open_store
from tallygate.control.store import users
from tallygate.infra import ports
from tallygate.infra.audit import add_audit
from tallygate.infra.live import TopicTotals
from tallygate.infra.process import StopSignals
from tallygate.infra.standing import KafkaLedger
from tallygate.runtime.clickhouse import ServerTarget, Target
from tallygate.runtime.config import ConfigError, Settings
from tallygate.runtime.loopback import is_loopback
from tallygate.runtime.tasks import spawn

log = logging.getLogger(__name__)

SHUTDOWN_S = 0.5
"""For requests under way when the process stops; queries have a limit of their own."""


def run(settings: Settings) -> None:
    """Serve over a ClickHouse server until SIGTERM or SIGINT.

    Raises:
        ConfigError: others could reach the address, and nobody has to sign in.
        PortError: the port is taken.
    """
    import uvloop

    require_guarded(settings)
    ports.ensure_free(settings.api_host, settings.api_port, "API", "TALLYGATE_API_PORT")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signalled(settings))


async def _until_signalled(settings: Settings) -> None:
    signals = StopSignals.listening()
    target = ServerTarget(settings.clickhouse)
    async with (
        _followed(settings) as (ledger, live),
        serving(settings, target, CollectorRegistry(), ledger, live),
    ):
        await signals.stop.wait()


@asynccontextmanager
async def _followed(settings: Settings) -> AsyncIterator[tuple[Ledger, Live]]:
    """How rules stand, and the running totals, by what Kafka has of them."""
    rules = open_rules(settings)
    await asyncio.to_thread(rules.start)
    ledger = KafkaLedger(settings.kafka, rules.current)
    totals = TopicTotals()
    following = [
        spawn(ledger.run(), name="ledger"),
        spawn(totals.run(settings.kafka), name="totals"),
    ]
    try:
        yield ledger, Live(totals, lambda project: rules.current().time_zone(project))
    finally:
        for task in following:
            task.cancel()
        await asyncio.wait(following)
        await asyncio.to_thread(rules.stop)


@asynccontextmanager
async def serving(
    settings: Settings, target: Target, registry: CollectorRegistry, ledger: Ledger, live: Live
) -> AsyncIterator[None]:
    """Serve while the block runs; `registry` is told at `/metrics`."""
    store = LaterStore(lambda: open_store(settings))
    app = application(settings, target, store, registry, ledger, live)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.api_host, settings.api_port).start()
        log.info("API and pages at http://%s:%d", settings.api_host, settings.api_port)
        if settings.auth.mode != "open":
            await asyncio.to_thread(_tell_who_can_sign_in, store)
        yield
    finally:
        await runner.cleanup()


def application(
    settings: Settings,
    target: Target,
    store: LaterStore,
    registry: CollectorRegistry | None = None,
    ledger: Ledger = no_ledger,
    live: Live | None = None,
) -> web.Application:
    """Everything that is served at the API's address, behind its door."""
    door = door_for(settings, store.opened)
    gateway = f"http://{settings.edge_host}:{settings.edge_port}"
    app = build_app(
        target,
        door=door,
        store=store.opened,
        gateway_url=gateway,
        registry=registry,
        ledger=ledger,
        live=live,
    )
    app.add_subapp(PREFIX, build_admin(store.opened))
    mount_sign_in(app, settings, door)
    add_audit(app, settings, target, registry if registry is not None else CollectorRegistry())
    app.cleanup_ctx.append(store.lifetime)
    return app


def _tell_who_can_sign_in(store: LaterStore) -> None:
    try:
        with store.opened().read() as session:
            ready = users.has_admin(session)
    except StoreUnavailableError:
        return  # told already
    if not ready:
        log.warning(
            "nobody administrates this installation yet; make the first one with: "
            "tallygate users add you@example.com --admin"
        )


def require_guarded(settings: Settings) -> None:
    """Without signing in everybody who reaches the API reads everything: only this machine may.

    Raises:
        ConfigError: others could reach the address; or signing in is not fully described.
    """
    host, auth, oidc = settings.api_host, settings.auth, settings.oidc
    if auth.mode == "open" and not is_loopback(host):
        raise ConfigError(
            f"api_host (TALLYGATE_API_HOST): {host} can be reached by others, and without signing in they "
            "could read every prompt; use 127.0.0.1, or let people sign in (auth.mode, TALLYGATE_AUTH__MODE)"
        )
    if auth.mode == "open":
        return
    if auth.public_url is None and not is_loopback(host):
        raise ConfigError(
            f"auth.public_url (TALLYGATE_AUTH__PUBLIC_URL) is missing: with api_host {host} browsers come "
            "from elsewhere, through a proxy that speaks https; say at which https:// address"
        )
    if auth.provider and not (oidc.issuer and oidc.client_id):
        raise ConfigError("auth.mode oidc needs oidc.issuer and oidc.client_id (TALLYGATE_OIDC__ISSUER, …)")
    if auth.provider and not is_safe(oidc.issuer):
        raise ConfigError(f"oidc.issuer (TALLYGATE_OIDC__ISSUER): {oidc.issuer} is not an https:// address")
