"""The Faust worker's process."""

import asyncio
import logging
from collections.abc import Callable

from tallygate.runtime.config import Settings
from tallygate.runtime.kafka import ensure_topics
from tallygate.runtime.process import run_until_signalled
from tallygate.runtime.publisher import until_available
from tallygate.runtime.tasks import spawn
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.errors import FatalError
from tallygate.stream_processors.faust_worker.app import Worker, create_worker
from tallygate.stream_processors.faust_worker.backfills import Backfills
from tallygate.stream_processors.rules.backfill import PastCalls

Rules = Callable[[], RuleBook]
log = logging.getLogger(__name__)

TEND_EVERY_S = 1.0
APP_STOP_TIMEOUT_S = 6.0
"""Faust's own shutdown; what it has not committed by then is read again and known to be counted."""


def run(settings: Settings, rules: Rules = RuleBook, past: PastCalls | None = None) -> None:
    """Price and total calls, and count by `rules`, until SIGTERM or SIGINT. `past` tells what was counted
    before a rule was made.

    Raises:
        FatalError: an agent failed, or Faust gave up; a restart goes on at the committed offsets.
        TopicMismatchError: Kafka's topics don't fit.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    run_until_signalled(lambda stop: _work(settings, stop, rules, past))


async def _work(settings: Settings, stop: asyncio.Event, rules: Rules, past: PastCalls | None) -> None:
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

    backfills = None if past is None else Backfills(past)
    worker = create_worker(settings, stop, on_fatal, rules, backfills)
    tending = spawn(_tend(worker, on_fatal), name="tend")
    try:
        await _run_app(worker, stop, ended)
    finally:
        tending.cancel()
        await worker.close()
        if backfills is not None:
            backfills.close()
    if failures:
        raise FatalError(f"an agent failed: {failures[0]}") from failures[0]
    if not stop.is_set():
        raise FatalError("Faust stopped by itself")


async def _tend(worker: Worker, on_fatal: Callable[[BaseException], None]) -> None:
    """Have done, every second, what is due without calls."""
    try:
        while True:
            await asyncio.sleep(TEND_EVERY_S)
            await worker.usage.tend(*worker.assigned())
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # as in an agent: the process ends, and a restart reads what is true
        on_fatal(error)
        raise


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
