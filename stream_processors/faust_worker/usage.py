"""Agent `usage`: priced calls to running totals, each counted once, whatever is repeated."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaFencedError
from tallygate.runtime.messages import Place
from tallygate.runtime.publisher import until_available
from tallygate.schemas.records import Call
from tallygate.stream_processors.faust_worker.steps import Batch, PartitionLostError
from tallygate.stream_processors.faust_worker.totals_log import TotalsLog
from tallygate.stream_processors.faust_worker.totals_state import PartitionTotals
from tallygate.stream_processors.messages import Raw, dead_letters, decode_messages

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """A partition held in one generation of the group, and its totals unless they have to be read."""

    generation: int
    log: TotalsLog
    totals: PartitionTotals | None = None


class UsageStep:
    """Counts calls and publishes what changed."""

    def __init__(self, config: KafkaConfig, stop: asyncio.Event) -> None:
        self._config = config
        self._stop = stop
        self._held: dict[int, _Held] = {}
        self.counted = 0
        self.dead_letters = 0

    async def process(self, batch: Batch) -> None:
        """See `Step`."""
        await self._drop_before(batch.generation)
        counting = [self._count(batch.generation, place, raws) for place, raws in batch.messages.items()]
        # To their end, all of them: one that went on unseen would write in the next generation, too.
        for result in await asyncio.gather(*counting, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        """See `Step`."""
        for held in self._held.values():
            await held.log.close()
        self._held.clear()

    async def _drop_before(self, generation: int) -> None:
        """After a rebalance others may have written: nothing that was held is true any more."""
        for partition, held in list(self._held.items()):
            if held.generation != generation:
                del self._held[partition]
                await held.log.close()

    async def _count(self, generation: int, place: Place, raws: Sequence[Raw]) -> None:
        decoded = decode_messages(Call, raws)
        for line in decoded.bad:
            log.error("%s/%d at %d is dead-lettered: %s", *place, line.offset, line.reason)
        letters = dead_letters(place, decoded.bad, time.time_ns() // 1000)
        calls = [placed.record for placed in decoded.placed]
        held = self._held.get(place.partition)
        if held is None:
            held = _Held(generation, TotalsLog(self._config, place.partition))
            self._held[place.partition] = held

        async def attempt() -> None:
            if held.totals is None:
                held.totals = await held.log.open()
            totals, held.totals = held.totals, None  # until confirmed, what is in memory may not be true
            await asyncio.sleep(0)
            changed = totals.count(calls)
            if changed or letters:
                await held.log.publish(changed, letters)
            held.totals = totals

        try:
            if not await until_available(attempt, self._stop, what="publishing totals"):
                raise asyncio.CancelledError
        except KafkaFencedError as error:
            raise PartitionLostError(f"{place.topic}/{place.partition}: {error}") from error
        self.counted += len(calls)
        self.dead_letters += len(decoded.bad)
