"""The Faust worker's process."""

import asyncio
import logging

from tallygate.runtime.config import Settings
from tallygate.runtime.kafka import ensure_topics
from tallygate.runtime.process import run_until_signalled
from tallygate.runtime.publisher import until_available
from tallygate.runtime.tasks import spawn
from tallygate.stream_processors.errors import FatalError
from tallygate.stream_processors.faust_worker.app import Worker, create_worker

log = logging.getLogger(__name__)

APP_STOP_TIMEOUT_S = 6.0
"""Faust's own shutdown; what it has not committed by then is read again and known to be counted."""


def run(settings: Settings) -> None:
    """Price and total calls until SIGTERM or SIGINT.

    Raises:
        FatalError: an agent failed, or Faust gave up; a restart goes on at the committed offsets.
        TopicMismatchError: Kafka's topics don't fit.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    run_until_signalled(lambda stop: _work(settings, stop))


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    async def topics() -> None:
        await ensure_topics(settings.kafka)

    if not await until_available(topics, stop, what="topics"):
        return
    failures: list[BaseException] = []
    ended = asyncio.Event()

    def on_fatal(error: BaseException) -> None:
        log.critical("stopping: %s: %s", type(error).__name__, error, exc_info=error)
        failures.append(error)
        ended.set()

    worker = create_worker(settings, stop, on_fatal)
    try:
        await _run_app(worker, stop, ended)
    finally:
        await worker.close()
    if failures:
        raise FatalError(f"an agent failed: {failures[0]}") from failures[0]
    if not stop.is_set():
        raise FatalError("Faust stopped by itself")


async def _run_app(worker: Worker, stop: asyncio.Event, ended: asyncio.Event) -> None:
    """Run until told to stop, an agent failed, or Faust came to an end."""
    waiting = [
        spawn(worker.app.start(), name="faust start"),
        spawn(_ended(worker), name="faust end"),
        spawn(stop.wait(), name="stop"),
        spawn(ended.wait(), name="failure"),
    ]
    try:
        await asyncio.wait(waiting[1:], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        try:
            await asyncio.wait_for(worker.app.stop(), APP_STOP_TIMEOUT_S)
        except TimeoutError:
            log.warning("Faust did not stop within %.0f s", APP_STOP_TIMEOUT_S)


async def _ended(worker: Worker) -> None:
    """Wait until Faust has crashed or stopped; it says so by a flag of its service."""
    await worker.app.wait_until_stopped()
