"""The sink: from `llm.calls`, `llm.requests` and `llm.alerts` to the store, each record once.

Order of commit: (1) the store has a batch; (2) lines that are no records are in the dead-letter topic;
(3) the offsets are committed. A crash in between has the batch read again, and the store's own marks tell
which of it is held. A partition that is taken away has its unfinished batch dropped: its next owner reads it.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError, consumer_options, mapped_errors
from tallygate.runtime.messages import Place
from tallygate.runtime.publisher import FIRST_PAUSE_S, LAST_PAUSE_S, Publisher, until_available
from tallygate.runtime.tasks import spawn
from tallygate.schemas.topics import ALERTS, CALLS, REQUESTS
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.messages import BadLine, Raw, dead_letters
from tallygate.stream_processors.sink.consumer_state import BatchLimits, Lease, Waiting
from tallygate.stream_processors.sink.writer import PartitionWriter
from tallygate.stream_processors.store import Store

log = logging.getLogger(__name__)

GROUP = "tallygate-sink"
POLL_MESSAGES = 64
"""Of up to half a megabyte each: what one poll may add to memory."""
POLL_S = 0.1
REBALANCE_TIMEOUT_MS = 90_000
"""Longer than the store's own time-out: a rebalance waits for an insert that is under way, so that the next
owner's question what is held is answered with it."""


class Sink(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads, batches, inserts, commits."""

    def __init__(
        self, config: KafkaConfig, store: Store, publisher: Publisher, limits: BatchLimits | None = None
    ) -> None:
        self._publisher = publisher
        self._limits = limits or BatchLimits()
        self._lease = Lease(config.session_timeout_ms / 1000, time.monotonic())
        self._writer = PartitionWriter(store, lambda: self._lease.holds(time.monotonic()))
        self._waiting: dict[Place, Waiting] = {}
        self._inserting = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._consumer = AIOKafkaConsumer(
            **consumer_options(config),
            group_id=GROUP,
            client_id=GROUP,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
        )
        self.dead_letters = 0

    @property
    def inserted(self) -> int:
        """Records inserted since the start."""
        return self._writer.inserted

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop. What is not inserted then is read again by whoever is next.

        Raises:
            FatalError: the store refuses what it is given.
        """
        ticking = spawn(self._tick(), name="lease")
        try:
            if await until_available(self._connect, stop, what="connecting"):
                while not stop.is_set():
                    await self._poll(POLL_S)
                    await self._insert_due(stop)
        finally:
            ticking.cancel()
            await self._consumer.stop()
            self._thread.shutdown(wait=False)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by the consumer before a rebalance; it hands out no records until that is over."""
        places = [Place(*partition) for partition in revoked]
        async with self._inserting:
            self._writer.forget(places)
            for place in places:
                self._waiting.pop(place, None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by the consumer after a rebalance. The store is asked when there is something to insert."""
        log.info("partitions: %s", ", ".join(f"{p.topic}/{p.partition}" for p in sorted(assigned)) or "none")

    async def _connect(self) -> None:
        with mapped_errors("connecting to Kafka"):
            await self._consumer.start()
        self._consumer.subscribe([CALLS.name, REQUESTS.name, ALERTS.name], listener=self)

    async def _tick(self) -> None:
        while True:
            self._lease.tick(time.monotonic())
            await asyncio.sleep(POLL_S)

    async def _poll(self, timeout_s: float) -> None:
        """Read what is there. Nothing awaits between the reading and the noting: a rebalance can't get
        between them."""
        try:
            with mapped_errors("reading"):
                found = await self._consumer.getmany(
                    timeout_ms=int(timeout_s * 1000), max_records=POLL_MESSAGES
                )
        except KafkaUnavailableError as error:
            log.warning("%s", error)
            await asyncio.sleep(timeout_s)
            return
        now_s = time.monotonic()
        for partition, messages in found.items():
            waiting = self._waiting.setdefault(Place(*partition), Waiting())
            for message in messages:
                waiting.add(Raw(message.offset, message.value or b""), now_s)

    async def _insert_due(self, stop: asyncio.Event) -> None:
        now_s = time.monotonic()
        offsets: dict[TopicPartition, int] = {}
        for place in [p for p, waiting in self._waiting.items() if waiting.due(now_s, self._limits)]:
            offset = await self._insert(place, stop)
            if offset is not None:
                offsets[TopicPartition(*place)] = offset
        if offsets:
            await self._commit(offsets)

    async def _insert(self, place: Place, stop: asyncio.Event) -> int | None:
        """Insert what waits of a partition, however long that takes; return the offset to commit, or None
        if the partition was taken away or it is time to stop."""
        pause_s = FIRST_PAUSE_S
        while not stop.is_set():
            try:
                return await self._attempt(place, stop)
            except RetryableError as error:
                log.warning("%s; again in %.1f s", error, pause_s)
            await self._wait_paused(pause_s)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)
        return None

    async def _attempt(self, place: Place, stop: asyncio.Event) -> int | None:
        async with self._inserting:
            waiting = self._waiting.get(place)
            if waiting is None or not waiting.messages:
                return None
            batch = list(waiting.messages)
            loop = asyncio.get_running_loop()
            bad = await loop.run_in_executor(self._thread, self._writer.write, place, batch)
        if bad and not await self._dead_letter(place, bad, stop):
            return None
        return waiting.done(len(batch), time.monotonic())

    async def _dead_letter(self, place: Place, bad: list[BadLine], stop: asyncio.Event) -> bool:
        letters = dead_letters(place, bad, time.time_ns() // 1000)

        async def publish() -> None:
            await self._publisher.publish(letters)

        for line in bad:
            log.error("%s/%d at %d is dead-lettered: %s", *place, line.offset, line.reason)
        self.dead_letters += len(bad)
        return await until_available(publish, stop, what="dead-lettering")

    async def _wait_paused(self, seconds: float) -> None:
        """Wait without fetching more, but polling: a consumer that does not poll loses its partitions."""
        self._consumer.pause(*self._consumer.assignment())
        await self._poll(seconds)
        self._consumer.resume(*self._consumer.assignment())

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Not to be able to commit is no harm: it is read again, and known to be held."""
        try:
            with mapped_errors("committing"):
                await self._consumer.commit(offsets)
        except KafkaUnavailableError as error:
            log.warning("%s", error)
