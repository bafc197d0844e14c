"""Agent `usage`: priced calls to running totals and rules' sums, each counted once, whatever is repeated."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaFencedError
from tallygate.runtime.messages import Messages, Place
from tallygate.runtime.publisher import until_available
from tallygate.schemas.records import Call
from tallygate.schemas.rules import RuleBook
from tallygate.schemas.topics import CALLS
from tallygate.stream_processors.faust_worker.backfills import Answer, Backfills
from tallygate.stream_processors.faust_worker.partition_state import PartitionState, Written
from tallygate.stream_processors.faust_worker.steps import Batch, PartitionLostError
from tallygate.stream_processors.faust_worker.totals_log import TotalsLog
from tallygate.stream_processors.messages import Raw, dead_letters, decode_messages
from tallygate.stream_processors.rules.backfill import BackfillAsked
from tallygate.stream_processors.usage import UsageKey

log = logging.getLogger(__name__)

IDLE_EVERY_S = 3600.0
Step = Callable[[PartitionState, int], Written]
"""Changes the state at a time in microseconds, and tells what is to be written."""


@dataclass(slots=True)
class _Held:
    """A partition held in one generation of the group, and its state unless that has to be read."""

    generation: int
    log: TotalsLog
    state: PartitionState | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    lost: bool = False
    """Another worker has it; in this generation it is not to be taken back."""
    idle_dropped_s: float = field(default_factory=time.monotonic)


class UsageStep:
    """Counts calls and publishes what changed."""

    def __init__(
        self,
        config: KafkaConfig,
        stop: asyncio.Event,
        rules: Callable[[], RuleBook] = RuleBook,
        backfills: Backfills | None = None,
    ) -> None:
        """Without `backfills` a new rule counts from its beginning only."""
        self._config = config
        self._stop = stop
        self._rules = rules
        self._backfills = backfills
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

    async def tend(self, generation: int, partitions: Iterable[int]) -> None:
        """What is due without calls, on partitions that are assigned: new rules begin, what was before them
        is added, what is too old is dropped. To be called every second or so."""
        if not self._rules().rules:
            return
        await self._drop_before(generation)
        for partition in partitions:
            held = self._held_in(generation, partition)
            if held is None:
                return  # the group has gone on meanwhile
            if not held.lost:
                await self._tend(held, partition)

    async def close(self) -> None:
        """See `Step`."""
        for held in self._held.values():
            await held.log.close()
        self._held.clear()

    async def _drop_before(self, generation: int) -> None:
        """After a rebalance others may have written: nothing that was held is true any more."""
        for partition, held in list(self._held.items()):
            if held.generation < generation:
                del self._held[partition]
                await held.log.close()

    def _held_in(self, generation: int, partition: int) -> _Held | None:
        """The partition in this generation; None if a later one has begun."""
        held = self._held.get(partition)
        if held is None:
            held = self._held[partition] = _Held(generation, TotalsLog(self._config, partition))
        return held if held.generation == generation else None

    async def _count(self, generation: int, place: Place, raws: Sequence[Raw]) -> None:
        decoded = decode_messages(Call, raws)
        for line in decoded.bad:
            log.error("%s/%d at %d is dead-lettered: %s", *place, line.offset, line.reason)
        letters = dead_letters(place, decoded.bad, time.time_ns() // 1000)
        calls = [placed.record for placed in decoded.placed]
        held = self._held_in(generation, place.partition)
        if held is None:
            raise PartitionLostError(f"{place.topic}/{place.partition}: of an earlier generation")

        def count(state: PartitionState, now_us: int) -> Written:
            book = self._rules()
            begun = state.rules.follow(book, state.totals.marks, now_us)
            counted = state.totals.count(calls, book.time_zone, now_us)
            changes = begun.then(state.rules.count(counted.fresh, state.totals.marks))
            return Written({**_idle(held, state, now_us), **counted.changed}, changes)

        await self._write(held, place, count, letters)
        self.counted += len(calls)
        self.dead_letters += len(decoded.bad)

    async def _tend(self, held: _Held, partition: int) -> None:
        place = Place(CALLS.name, partition)

        def follow(state: PartitionState, now_us: int) -> Written:
            changes = state.rules.follow(self._rules(), state.totals.marks, now_us)
            return Written(_idle(held, state, now_us), changes)

        try:
            await self._write(held, place, follow, {})
            for answer in await self._answers(held, partition):

                def add(state: PartitionState, now_us: int, answer: Answer = answer) -> Written:
                    return Written({}, state.rules.add_backfill(answer.asked, answer.rows, now_us))

                await self._write(held, place, add, {})
        except PartitionLostError as error:
            log.warning("%s", error)

    async def _answers(self, held: _Held, partition: int) -> list[Answer]:
        state = held.state
        if state is None or self._backfills is None:
            return []
        pending: list[BackfillAsked] = state.rules.pending(time.time_ns() // 1000)
        return await self._backfills.ask(partition, pending) if pending else []

    async def _write(self, held: _Held, place: Place, step: Step, others: Messages) -> None:
        """Change the state and publish that, again and again until it is confirmed.

        Raises:
            PartitionLostError: another worker has the partition.
        """

        async def attempt() -> None:
            if held.state is None:
                held.state = await held.log.open()
            state, held.state = held.state, None  # until confirmed, what is in memory may not be true
            await asyncio.sleep(0)
            written = step(state, time.time_ns() // 1000)
            if written or others:
                await held.log.publish(written, others)
            held.state = state

        async with held.lock:
            await self._until_written(held, place, attempt)

    async def _until_written(self, held: _Held, place: Place, attempt: Callable[[], Awaitable[None]]) -> None:
        try:
            if held.lost:
                raise KafkaFencedError("another worker has it")
            if not await until_available(attempt, self._stop, what="publishing totals"):
                raise asyncio.CancelledError
        except KafkaFencedError as error:
            held.lost = True
            raise PartitionLostError(f"{place.topic}/{place.partition}: {error}") from error


def _idle(held: _Held, state: PartitionState, now_us: int) -> dict[UsageKey, None]:
    """Totals that are no longer worth keeping; looked for once in a while."""
    if time.monotonic() - held.idle_dropped_s < IDLE_EVERY_S:
        return {}
    held.idle_dropped_s = time.monotonic()
    return dict.fromkeys(state.totals.drop_idle(now_us))
