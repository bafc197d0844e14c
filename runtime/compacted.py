"""Reading compacted topics whole: from their beginning, over all partitions, and then what is new.

There is no group and nothing is committed: who reads holds what it has read in memory.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError, client_options, mapped_errors
from tallygate.schemas.topics import Topic

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 20
"""How long a broker holds a fetch that finds nothing; closing waits for the last one."""


class Entry(NamedTuple):
    """The latest value of a key, as far as was read; None: the key was deleted."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None


class CompactedReader:
    """Follows topics. Not to be used by two tasks at once."""

    def __init__(self, config: KafkaConfig, topics: Sequence[Topic]) -> None:
        self._config = config
        self._topics = topics
        self._consumer: AIOKafkaConsumer | None = None
        self._behind: dict[TopicPartition, int] = {}

    @property
    def caught_up(self) -> bool:
        """Whether all that was there at the start is read."""
        return self._consumer is not None and not self._behind

    async def open(self) -> None:
        """Connect, and begin at the beginning.

        Raises:
            KafkaUnavailableError: to be tried again.
        """
        consumer = AIOKafkaConsumer(
            **client_options(self._config),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=2 * 1024 * 1024,
        )
        try:
            with mapped_errors("reading"):
                await consumer.start()
                places = [
                    TopicPartition(topic.name, partition)
                    for topic in self._topics
                    for partition in range(self._config.partitions)
                ]
                consumer.assign(places)
                await consumer.seek_to_beginning(*places)
                self._behind = await consumer.end_offsets(places)
                self._consumer = consumer
                await self._note_progress()
        except BaseException:
            self._consumer = None
            await consumer.stop()
            raise

    async def poll(self, within_s: float) -> list[Entry]:
        """What comes next, in order within a partition; empty if nothing does in that time.

        Raises:
            KafkaUnavailableError: to be opened again.
        """
        if self._consumer is None:
            raise KafkaUnavailableError("the reader is not open")
        with mapped_errors("reading"):
            found = await self._consumer.getmany(timeout_ms=int(within_s * 1000), max_records=5000)
            if self._behind:
                await self._note_progress()
        return [
            Entry(place.topic, place.partition, message.key or b"", message.value)
            for place, messages in found.items()
            for message in messages
        ]

    async def close(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with mapped_errors("closing a reader"):
                await consumer.stop()

    async def _note_progress(self) -> None:
        assert self._consumer is not None  # noqa: S101 - for the type
        for place, end in list(self._behind.items()):
            if await self._consumer.position(place) >= end:
                del self._behind[place]


async def read_all(config: KafkaConfig, topics: Sequence[Topic], *, tries: int = 300) -> list[Entry]:
    """All that is there now.

    Raises:
        KafkaUnavailableError: to be tried again.
    """
    reader = CompactedReader(config, topics)
    found: list[Entry] = []
    try:
        await reader.open()
        for _ in range(tries):
            if reader.caught_up:
                return found
            found += await reader.poll(0.1)
        raise KafkaUnavailableError("reading does not come to an end")
    finally:
        await reader.close()
