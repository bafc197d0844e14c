"""The totals' home: the compacted topics `llm.usage` and `llm.rule_totals`.

A partition has one writer at a time, the holder of its transactional id: who opens it fences off the one
before, so that what is then read back stays true. A batch's totals and rules are one transaction, with the
marks of what they have counted inside; so a reader of committed messages never sees half a batch.
"""

import logging
import time
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.kafka import KafkaUnavailableError, client_options, mapped_errors
from tallygate.runtime.messages import Message, Messages, Place
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.codec import decode, encode_sparse
from tallygate.schemas.model import Record
from tallygate.schemas.topics import RULE_TOTALS, USAGE, Topic
from tallygate.schemas.totals import RuleTotals, UsageTotals
from tallygate.stream_processors import rules, usage
from tallygate.stream_processors.faust_worker.partition_state import PartitionState, Written
from tallygate.stream_processors.faust_worker.totals_state import PartitionTotals
from tallygate.stream_processors.rules import RuleCounter

log = logging.getLogger(__name__)
R = TypeVar("R", bound=Record)

STALLED_S = 30.0
"""A read-back that gets nothing for so long is begun again."""


class TotalsLog:
    """One partition of both topics, opened to write."""

    def __init__(self, config: KafkaConfig, partition: int) -> None:
        self._config = config
        self._partition = partition
        name = f"tallygate-usage-{partition}"
        self._publisher = Publisher(config, client_id=name, transactional_id=name)

    async def open(self) -> PartitionState:
        """Become the only writer, then read what is there.

        Raises:
            KafkaUnavailableError: to be tried again.
        """
        await self._publisher.open()
        started_s = time.monotonic()
        held = (await self._read(USAGE, UsageTotals)).values()
        totals = PartitionTotals(self._partition, held, time.time_ns() // 1000)
        counter = RuleCounter(self._partition, (await self._read(RULE_TOTALS, RuleTotals)).values())
        seconds = time.monotonic() - started_s
        log.info("%s/%d: %d totals read in %.2f s", USAGE.name, self._partition, len(totals), seconds)
        return PartitionState(totals, counter)

    async def publish(self, written: Written, others: Messages) -> None:
        """Write changes, and other messages with them, in one transaction.

        Raises:
            KafkaUnavailableError: it may be written or not: open again.
            KafkaFencedError: another worker has opened this partition.
        """
        totals = [
            Message(usage.encode_key(key), None if each is None else encode_sparse(each))
            for key, each in written.totals.items()
        ]
        counted = [
            Message(rules.encode_key(key), None if each is None else encode_sparse(each))
            for key, each in written.rules.lines().items()
        ]
        await self._publisher.publish(
            {
                **others,
                Place(USAGE.name, self._partition): totals,
                Place(RULE_TOTALS.name, self._partition): counted,
            }
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._publisher.close()

    async def _read(self, topic: Topic, model: type[R]) -> dict[bytes, R]:
        place = TopicPartition(topic.name, self._partition)
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
                return await _latest(consumer, place, model)
            finally:
                await consumer.stop()


async def _latest(consumer: AIOKafkaConsumer, place: TopicPartition, model: type[R]) -> dict[bytes, R]:
    """The last record of each key."""
    end = (await consumer.end_offsets([place]))[place]
    found: dict[bytes, bytes] = {}
    patience = Deadline.after(STALLED_S)
    while (at := await consumer.position(place)) < end:
        batch = (await consumer.getmany(place, timeout_ms=100)).get(place, [])
        for message in batch:
            if message.value is None:
                found.pop(message.key, None)
            else:
                found[message.key] = message.value
        if batch:
            patience = Deadline.after(STALLED_S)
        elif patience.expired():
            raise KafkaUnavailableError(f"{place.topic}/{place.partition} stays at {at} of {end}")
    return {key: decode(model, value) for key, value in found.items()}
