"""The main function of an edge worker process."""

import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack

import uvloop

from tallygate.control.feed import SnapshotFeed
from tallygate.control.open import open_feed
from tallygate.edge import controls
from tallygate.edge.config import EdgeConfig, from_settings
from tallygate.edge.controls import EdgeMeter
from tallygate.edge.models import Offers
from tallygate.edge.outbox.writer import OutboxWriter
from tallygate.edge.server import EdgeServer
from tallygate.runtime import garbage
from tallygate.runtime.config import Settings
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.metrics import EdgeMetrics

log = logging.getLogger(__name__)

DRAIN_S = 8.0
"""For calls in flight at a shutdown; the supervisor gives ten seconds to everything."""


def run(
    settings: Settings,
    index: int,
    environ: Mapping[str, str] | None = None,
    meter: EdgeMeter | None = None,
    offers: Offers | None = None,
    partitions: int = 1,
) -> None:
    """Serve calls until SIGTERM or SIGINT, then let those in flight end.

    Args:
        settings: of the process.
        index: number of the worker; its outbox is `<outbox_dir>/edge-<index>`.
        environ: where providers' keys are looked for, the process's environment by default.
        meter: of rate limits in tokens and cents, which count nothing without one, and of reservations, which
            refuse then.
        offers: what providers have, for `GET /v1/models`.
        partitions: of the event log that the outbox is shipped to.

    Raises:
        ConfigError: the settings can't be used.
        ControlError: the control data can't be read, and there is no copy of it.
        OutboxBusyError: another process writes this worker's outbox.
        OSError: the port is taken.
    """
    config = from_settings(settings, os.environ if environ is None else environ)
    with ExitStack() as stack:
        outbox = OutboxWriter(settings.outbox_dir / f"edge-{index}", config.outbox)
        stack.callback(outbox.close)
        feed = open_feed(settings)
        stack.callback(feed.stop)
        feed.start()
        uvloop.run(_serve(settings, config, outbox, feed, index, meter, offers, partitions))


async def _serve(
    settings: Settings,
    config: EdgeConfig,
    outbox: OutboxWriter,
    feed: SnapshotFeed,
    index: int,
    meter: EdgeMeter | None,
    offers: Offers | None,
    partitions: int,
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    metrics = EdgeMetrics(index)
    if meter is not None:
        meter.follow(lambda: feed.current.rule_book.price_overrides)
    async with (
        controls.opened(settings, metrics, meter, meter, lambda: feed.current.rule_book, partitions) as steps,
        EdgeServer(
            config,
            outbox,
            metrics=metrics,
            reuse_port=True,
            gate=steps.gate,
            cache=steps.cache,
            snapshots=lambda: feed.current,
            offers=offers,
        ) as server,
    ):
        garbage.settle()
        log.info("edge worker %d takes calls at %s", index, server.url)
        await stopped.wait()
        await server.stop(Deadline.after(DRAIN_S))
    log.info("edge worker %d has stopped", index)
