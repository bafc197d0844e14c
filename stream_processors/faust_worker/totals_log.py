"""The totals' home: the compacted topic `llm.usage`.

A partition has one writer at a time, the holder of its transactional id: who opens it fences off the one
before, so that what is then read back stays true. A batch's totals are one transaction, with the marks of
what they have counted inside; so a reader of committed messages never sees half a batch.
"""

import logging
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.kafka import KafkaUnavailableError, client_options, mapped_errors
from tallygate.runtime.messages import Message, Messages, Place
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.codec import decode, encode
from tallygate.schemas.topics import USAGE
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.faust_worker.totals_state import PartitionTotals
from tallygate.stream_processors.usage import UsageKey, encode_key

log = logging.getLogger(__name__)

STALLED_S = 30.0
"""A read-back that gets nothing for so long is begun again."""


class TotalsLog:
    """One partition of `llm.usage`, opened to write."""

    def __init__(self, config: KafkaConfig, partition: int) -> None:
        self._config = config
        self._partition = partition
        name = f"tallygate-usage-{partition}"
        self._publisher = Publisher(config, client_id=name, transactional_id=name)

    async def open(self) -> PartitionTotals:
        """Become the only writer, then read what is there.

        Raises:
            KafkaUnavailableError: to be tried again.
        """
        await self._publisher.open()
        started_s = time.monotonic()
        totals = PartitionTotals(self._partition, (await self._read()).values(), time.time_ns() // 1000)
        seconds = time.monotonic() - started_s
        log.info("%s/%d: %d totals read in %.2f s", USAGE.name, self._partition, len(totals), seconds)
        return totals

    async def publish(self, changed: Mapping[UsageKey, UsageTotals], others: Messages) -> None:
        """Write changed totals, and other messages with them, in one transaction.

        Raises:
            KafkaUnavailableError: it may be written or not: open again.
            KafkaFencedError: another worker has opened this partition.
        """
        mine = [Message(encode_key(key), encode(totals)) for key, totals in changed.items()]
        await self._publisher.publish({**others, Place(USAGE.name, self._partition): mine})

    async def close(self) -> None:
        """Disconnect."""
        await self._publisher.close()

    async def _read(self) -> dict[bytes, UsageTotals]:
        place = TopicPartition(USAGE.name, self._partition)
        with mapped_errors("reading totals"):
            consumer = AIOKafkaConsumer(
                **client_options(self._config),
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_max_wait_ms=20,  # at the end of the topic closing waits for the last fetch
            )
            try:
                await consumer.start()
                consumer.assign([place])
                await consumer.seek_to_beginning(place)
                return await _latest(consumer, place)
            finally:
                await consumer.stop()


async def _latest(consumer: AIOKafkaConsumer, place: TopicPartition) -> dict[bytes, UsageTotals]:
    end = (await consumer.end_offsets([place]))[place]
    found: dict[bytes, UsageTotals] = {}
    patience = Deadline.after(STALLED_S)
    while (at := await consumer.position(place)) < end:
        batch = (await consumer.getmany(place, timeout_ms=100)).get(place, [])
        for message in batch:
            found[message.key] = decode(UsageTotals, message.value)
        if batch:
            patience = Deadline.after(STALLED_S)
        elif patience.expired():
            raise KafkaUnavailableError(f"{place.topic}/{place.partition} stays at {at} of {end}")
    return found
