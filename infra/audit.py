"""The audit in running systems: each night by itself, and when somebody asks."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tallygate.control.access.needs import Need, needs
from tallygate.runtime.clickhouse import EmbeddedTarget, Target
from tallygate.runtime.config import Settings
from tallygate.runtime.metrics import MetricName
from tallygate.runtime.tasks import spawn
from tallygate.schemas.model import Record
from tallygate.stream_processors.audit.audit import Books, audit
from tallygate.stream_processors.audit.compare import Audit
from tallygate.stream_processors.audit.distributed import KafkaBooks
from tallygate.stream_processors.audit.embedded import EmbeddedBooks
from tallygate.stream_processors.errors import RetryableError

log = logging.getLogger(__name__)

FIRST_S = 300.0
"""After the start: a system that was just upgraded is looked at soon."""
EVERY_S = 24 * 3600.0
AGAIN_S = 5.0
TRIES = 12
LOG_US = 24 * 3_600_000_000
"""Of Kafka's log the last so much is counted."""
PATH = "/api/v1/audit"
DIFFERENCES: MetricName = "tallygate_audit_differences"
COMPARED_AT: MetricName = "tallygate_audit_timestamp_seconds"


class ToldDifference(Record):
    """Where two do not agree."""

    where: str
    """`totals` or `log`, against the store."""
    of: str
    figure: str
    said: int
    stored: int


class AuditReport(Record):
    """What an audit found."""

    at_us: int
    agrees: bool
    waiting: str = ""
    """Why nothing could be compared."""
    requests: int
    unpriced: int
    cost_nanos: int
    logged: int
    """Calls' events that were counted in the log."""
    differences: tuple[ToldDifference, ...] = ()


def report_of(found: Audit) -> AuditReport:
    """An audit as it is told."""
    return AuditReport(
        at_us=found.at_us,
        agrees=found.agrees,
        waiting=found.waiting,
        requests=found.stored.requests,
        unpriced=found.stored.unpriced,
        cost_nanos=found.stored.cost_nanos,
        logged=found.logged,
        differences=tuple(
            ToldDifference(where=d.where, of=d.of, figure=d.figure, said=d.said, stored=d.stored)
            for d in found.differences
        ),
    )


def books_of(settings: Settings, target: Target) -> Books:
    """What is to be compared, by where the calls are stored."""
    if isinstance(target, EmbeddedTarget):
        return EmbeddedBooks(target, settings.outbox_dir, settings.data_dir / "state.db")
    return KafkaBooks(target, settings.kafka, time.time_ns() // 1000 - LOG_US)


def audited(settings: Settings, target: Target, tries: int = TRIES) -> Audit:
    """Compare; a sink that is behind is waited for a little. Blocks.

    Raises:
        RetryableError: something can't be read.
    """
    while True:
        found = audit(books_of(settings, target))
        tries -= 1
        if not found.waiting or tries <= 0:
            return found
        threading.Event().wait(AGAIN_S)


class Auditor(Collector):
    """Keeps the last audit, and tells it as metrics."""

    def __init__(self, settings: Settings, target: Target, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._target = target
        self._last: Audit | None = None
        self._at_work = asyncio.Lock()
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        if self._last is None:
            return
        differences = len(self._last.differences)
        yield GaugeMetricFamily(
            DIFFERENCES,
            "Figures in which log, totals and store differed at the last audit",
            value=differences,
        )
        yield GaugeMetricFamily(
            COMPARED_AT,
            "When that was, since the Unix epoch",
            value=self._last.at_us / 1e6,
        )

    async def now(self) -> Audit:
        """Compare now.

        Raises:
            RetryableError: something can't be read.
        """
        async with self._at_work:
            found = await asyncio.to_thread(audited, self._settings, self._target)
        if found.waiting:
            log.warning("audit: %s", found.waiting)
            return found
        self._last = found
        for difference in found.differences:
            log.error("audit: %s", difference)
        if found.agrees:
            log.info("audit: log, totals and store agree on %d calls", found.stored.requests)
        return found

    async def nightly(self, _app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx`: audits now and then, while the application runs."""
        task = spawn(self._keep(), name="audit")
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _keep(self) -> None:
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.now()
            except RetryableError as error:
                log.warning("audit: %s", error)
            await asyncio.sleep(EVERY_S)

    @needs(Need.INSTALLATION)
    async def post(self, _request: web.Request) -> web.Response:
        """`POST /api/v1/audit`: compare now."""
        try:
            found = await self.now()
        except RetryableError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        return web.Response(body=report_of(found).model_dump_json().encode(), content_type="application/json")


def add_audit(app: web.Application, settings: Settings, target: Target, registry: CollectorRegistry) -> None:
    """Have an application audit, each night and when it is asked."""
    auditor = Auditor(settings, target, registry)
    app.router.add_post(PATH, auditor.post)
    app.cleanup_ctx.append(auditor.nightly)
