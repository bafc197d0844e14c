"""Reading a real Kafka in tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from tallygate.infra.kafka.dev_broker import DevBroker
from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import client_options
from tallygate.schemas.codec import decode, split_lines
from tallygate.schemas.model import Record
from tallygate.schemas.topics import BY_NAME

R = TypeVar("R", bound=Record)


class Found(NamedTuple):
    """A message in a topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes


@contextmanager
def running_broker(directory: Path) -> Iterator[DevBroker]:
    """A broker that ends with the block, whatever was done to it."""
    broker = DevBroker(directory)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


async def read_topic(config: KafkaConfig, topic: str) -> list[Found]:
    """All committed messages that a topic has now, by partition and offset."""
    consumer = AIOKafkaConsumer(
        **client_options(config), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(config.partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[Found] = []
        for place in places:
            while await consumer.position(place) < ends[place]:
                batch = (await consumer.getmany(place, timeout_ms=200)).get(place, [])
                found.extend(Found(place.partition, m.offset, m.key, m.value) for m in batch)
        return found
    finally:
        await consumer.stop()


async def read_records(config: KafkaConfig, topic: str, model: type[R]) -> list[tuple[int, R]]:
    """All records of a topic with their partitions, in order."""
    assert BY_NAME[topic].model is model
    found = await read_topic(config, topic)
    return [
        (message.partition, decode(model, line)) for message in found for line in split_lines(message.value)
    ]
