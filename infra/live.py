"""Where the API reads running totals: from the core's state, or from the topic `llm.usage`."""

import asyncio
import logging
from pathlib import Path

from tallygate.analytics.live.source import LiveTotal, NotReadyError, TotalsAsked, costliest
from tallygate.runtime.compacted import CompactedReader
from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError
from tallygate.schemas.topics import USAGE
from tallygate.stream_processors.embedded import top_totals
from tallygate.stream_processors.errors import ProcessorError
from tallygate.stream_processors.usage.live import LatestTotals

log = logging.getLogger(__name__)
POLL_S = 1.0
"""How long a poll waits for news; they end it."""
AGAIN_S = 1.0


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

    async def run(self, config: KafkaConfig) -> None:
        """Follow the topic until cancelled. While Kafka is away the last totals are told."""
        while True:
            reader = CompactedReader(config, [USAGE])
            try:
                await self._follow(reader)
            except KafkaUnavailableError as error:
                log.warning("running totals are told as they were: %s", error)
            finally:
                await reader.close()
            await asyncio.sleep(AGAIN_S)

    async def _follow(self, reader: CompactedReader) -> None:
        """From the beginning: what was deleted meanwhile must not stay."""
        await reader.open()
        fresh = LatestTotals()
        while True:
            for entry in await reader.poll(POLL_S):
                fresh.take(entry.partition, entry.key, entry.value)
            if reader.caught_up:
                self.latest, self.caught_up = fresh, True
