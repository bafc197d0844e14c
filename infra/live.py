"""Where the API reads running totals: from the core's state, or from the topic `llm.usage`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tallygate.analytics.live.source import LiveTotal, NotReadyError, TotalsAsked, costliest
from tallygate.runtime.compacted import CompactedReader
from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError
from tallygate.runtime.publisher import FIRST_PAUSE_S, LAST_PAUSE_S
from tallygate.runtime.tasks import spawn
from tallygate.schemas.topics import USAGE
from tallygate.stream_processors.embedded import top_totals
from tallygate.stream_processors.errors import ProcessorError
from tallygate.stream_processors.usage.live import LatestTotals

log = logging.getLogger(__name__)
POLL_S = 0.2


class StateTotals:
    """`TotalsSource` over the state of the embedded run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def totals(self, asked: TotalsAsked) -> list[LiveTotal]:
        """See `TotalsSource`."""
        key = (asked.project, asked.dimension, asked.name)
        period = None if asked.period is None else (asked.period, asked.start_us)
        try:
            found = top_totals(self._path, key, asked.value, period, asked.limit)
        except ProcessorError as error:
            raise NotReadyError(str(error)) from error
        return [LiveTotal(*each) for each in found]


class TopicTotals:
    """`TotalsSource` over what was read of `llm.usage`."""

    def __init__(self) -> None:
        self.latest = LatestTotals()
        self.caught_up = False

    def totals(self, asked: TotalsAsked) -> list[LiveTotal]:
        """See `TotalsSource`."""
        if not self.caught_up:
            raise NotReadyError("they are being read from Kafka")
        found = self.latest.sums((asked.project, asked.dimension, asked.name), asked.value)
        if asked.period is None:
            totals = [LiveTotal(value, total, total.last_seen_us) for value, total in found.items()]
        else:
            totals = [
                LiveTotal(value, sums, None)
                for value, total in found.items()
                for sums in total.periods
                if (sums.period, sums.start_us) == (asked.period, asked.start_us)
            ]
        return costliest(totals, asked.limit)


@asynccontextmanager
async def following(config: KafkaConfig) -> AsyncIterator[TopicTotals]:
    """Totals that follow the topic while the block runs."""
    totals = TopicTotals()
    task = spawn(_follow(config, totals), name="totals")
    try:
        yield totals
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(config: KafkaConfig, totals: TopicTotals) -> None:
    pause_s = FIRST_PAUSE_S
    while True:
        reader = CompactedReader(config, [USAGE])
        try:
            await reader.open()
            while True:
                for entry in await reader.poll(POLL_S):
                    totals.latest.take(entry.partition, entry.key, entry.value)
                totals.caught_up = totals.caught_up or reader.caught_up
                pause_s = FIRST_PAUSE_S
        except KafkaUnavailableError as error:
            log.warning("totals: %s; again in %.1f s", error, pause_s)
        finally:
            await reader.close()
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LAST_PAUSE_S)
