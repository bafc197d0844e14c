"""The notifier in the core of the embedded run: beside the API, over the runner's state."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from tallygate.infra.notifier import mailer_of, notifier, store_opened
from tallygate.runtime.config import Settings
from tallygate.runtime.tasks import spawn
from tallygate.stream_processors.embedded import EmbeddedRunner
from tallygate.stream_processors.embedded.notices import StateSource
from tallygate.stream_processors.notify.smtp import Mailer

log = logging.getLogger(__name__)

OWNER = "core"
"""The data directory has one core at a time: what an earlier one was sending is this one's."""


@asynccontextmanager
async def telling(
    settings: Settings,
    runner: EmbeddedRunner,
    state_path: Path,
    registry: CollectorRegistry,
    on_death: Callable[[], object],
) -> AsyncIterator[asyncio.Event]:
    """Tell of alerts and calls while the block runs; the event that is given asks to stop before its end.

    Raises:
        ConfigError: the mail server's certificates can't be read.
    """
    stop, mailer = asyncio.Event(), mailer_of(settings)

    async def work() -> None:
        try:
            await _tell(settings, mailer, runner, state_path, registry, stop)
        except Exception:
            log.exception("the notifier has died")
            on_death()

    task = spawn(work(), name="notifier")
    try:
        yield stop
    finally:
        stop.set()
        await task


async def _tell(
    settings: Settings,
    mailer: Mailer,
    runner: EmbeddedRunner,
    state_path: Path,
    registry: CollectorRegistry,
    stop: asyncio.Event,
) -> None:
    def taken(number: int) -> None:
        runner.taken = number

    store = await store_opened(settings, stop)
    if store is None:
        return
    try:
        async with notifier(settings, store, mailer, OWNER, registry) as made:
            await made.run(StateSource(state_path, made.deliveries, made.intake, taken), stop)
    finally:
        await asyncio.to_thread(store.close)
