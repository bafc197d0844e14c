"""Between Faust's streams and the steps: batches, acknowledgement, and what to do when something breaks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from tallygate.runtime.deadline import Deadline
from tallygate.runtime.messages import Place
from tallygate.stream_processors.errors import FatalError
from tallygate.stream_processors.faust_worker.continuity import Continuity
from tallygate.stream_processors.faust_worker.steps import Batch, PartitionLostError, Step
from tallygate.stream_processors.messages import Raw

log = logging.getLogger(__name__)

TAKE_MESSAGES = 200
TAKE_WITHIN_S = 0.05
"""How long a lone message waits for others."""
CHUNK_BYTES = 2 * 1024 * 1024
"""Processed and confirmed at a time; also bounds how much is repeated after a crash."""
REBALANCE_WAIT_S = 60.0
"""A partition that another worker has taken is soon gone here too; if not, two groups are at work."""


class Driver:
    """Feeds one agent's stream to its step."""

    def __init__(self, app: Any, step: Step, on_fatal: Callable[[BaseException], None]) -> None:
        self._app = app
        self._step = step
        self._on_fatal = on_fatal
        self._continuity = Continuity()

    async def run(self, stream: Any) -> AsyncIterator[int]:
        """The agent's body. Yields the number of messages of each batch.

        An error never leaves it: Faust would acknowledge the message and go on. The process is stopped.
        """
        try:
            async for events in stream.noack_take(TAKE_MESSAGES, within=TAKE_WITHIN_S):
                await self._process(events)
                yield len(events)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            self._on_fatal(error)
            raise

    async def _process(self, events: Sequence[Any]) -> None:
        for chunk in _chunks(events):
            generation = self._app.consumer_generation_id
            # Of an earlier generation: it comes again, here or elsewhere.
            current = [event for event in chunk if event.message.generation_id == generation]
            try:
                await self._step.process(await self._batch(generation, current))
            except PartitionLostError as error:
                log.warning("%s; waiting for the rebalance", error)
                await self._rebalanced(generation)
                return
            for event in current:
                event.ack()

    async def _batch(self, generation: int, events: Sequence[Any]) -> Batch:
        messages: dict[Place, list[Raw]] = {}
        for event in events:
            message = event.message
            place = Place(message.topic, message.partition)
            if not self._continuity.knows(place, generation):
                first = await self._first_offset(message.tp, message.offset)
                self._continuity.begin(place, generation, first)
            self._continuity.advance(place, message.offset)
            messages.setdefault(place, []).append(Raw(message.offset, message.value or b""))
        return Batch(generation, messages)

    async def _first_offset(self, partition: Any, came: int) -> int:
        """Where this group goes on in a partition: at its commit, or where the log begins now. Kafka is
        asked only if a message came that lies behind the commit: the answer takes Faust a second."""
        committed: int = self._app.consumer._committed_offset.get(partition) or 0
        if came <= committed:
            return committed
        earliest: int = (await self._app.consumer.earliest_offsets(partition))[partition]
        return max(earliest, committed)

    async def _rebalanced(self, generation: int) -> None:
        deadline = Deadline.after(REBALANCE_WAIT_S)
        while self._app.consumer_generation_id == generation:
            if deadline.expired():
                raise FatalError("another worker writes the totals of a partition that is assigned here")
            await asyncio.sleep(0.05)


def _chunks(events: Sequence[Any]) -> Iterator[list[Any]]:
    """Cut by size, in order."""
    chunk: list[Any] = []
    size = 0
    for event in events:
        chunk.append(event)
        size += len(event.message.value or b"")
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
