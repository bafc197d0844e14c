"""The sink's process."""

import asyncio
import logging

from tallygate.runtime.clickhouse import ServerTarget
from tallygate.runtime.config import Settings
from tallygate.runtime.kafka import ensure_topics
from tallygate.runtime.process import run_until_signalled
from tallygate.runtime.publisher import FIRST_PAUSE_S, LAST_PAUSE_S, Publisher, until_available
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.sink.consumer import Sink
from tallygate.stream_processors.sink.migrate import migrate
from tallygate.stream_processors.sink.store import ClickHouseStore

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Write calls to ClickHouse until SIGTERM or SIGINT.

    Raises:
        FatalError: ClickHouse refuses what it is given.
        TopicMismatchError: Kafka's topics don't fit.
    """
    run_until_signalled(lambda stop: _sink(settings, stop))


async def _sink(settings: Settings, stop: asyncio.Event) -> None:
    async def topics() -> None:
        await ensure_topics(settings.kafka)

    target = ServerTarget(settings.clickhouse)
    if not await _migrated(target, stop) or not await until_available(topics, stop, what="topics"):
        return
    publisher = Publisher(settings.kafka, client_id="tallygate-sink")
    try:
        await Sink(settings.kafka, ClickHouseStore(target), publisher).run(stop)
    finally:
        await publisher.close()


async def _migrated(target: ServerTarget, stop: asyncio.Event) -> bool:
    pause_s = FIRST_PAUSE_S
    while not stop.is_set():
        try:
            await asyncio.to_thread(migrate, target)
        except RetryableError as error:
            log.warning("ClickHouse: %s; again in %.1f s", error, pause_s)
        else:
            return True
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            pause_s = min(2 * pause_s, LAST_PAUSE_S)
    return False
