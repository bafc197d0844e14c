"""The log in Kafka, read from its beginning as a replay does."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from tallygate.runtime.config import Settings
from tallygate.runtime.kafka import consumer_options, group_members
from tallygate.runtime.messages import Message, Place, partition_of
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import encode, encode_lines
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.topics import REQUESTS, RESPONSES, partition_key
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.replay.kafka_log import KafkaLog
from tallygate.stream_processors.replay.log import Chunk, Span
from tests.support.factories import request_event, response_event

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

USERS = ("ada", "bob", "eve", "joe", "kim")
SINK = "tallygate.stream_processors.sink.process"
Events = list[RequestEvent | ResponseEvent]


def events_of(edge: str, count: int) -> Events:
    made: Events = []
    for seq in range(count):
        fields = {
            "origin": Origin(edge_id=edge, seq=seq),
            "user_id": USERS[seq % len(USERS)],
            "received_at_us": 1_000_000 * (1 + seq),
        }
        made.append(request_event(**fields) if seq % 2 else response_event(**fields))
    return made


async def publish(settings: Settings, events: Events, *more: tuple[Place, bytes]) -> None:
    """Each event as a message of its own, and other messages after them."""
    messages: dict[Place, list[Message]] = {}
    for event in events:
        topic = RESPONSES if isinstance(event, ResponseEvent) else REQUESTS
        key = partition_key(event.project, event.user_id)
        place = Place(topic.name, partition_of(key, settings.kafka.partitions))
        messages.setdefault(place, []).append(Message(None, encode(event)))
    for place, value in more:
        messages.setdefault(place, []).append(Message(None, value))
    publisher = Publisher(settings.kafka, client_id="test")
    await publisher.publish(messages)
    await publisher.close()


def read(settings: Settings, span: Span = Span()) -> tuple[Events, list[Chunk]]:  # noqa: B008 - immutable
    log = KafkaLog(settings.kafka, span)
    chunks = list(log.chunks())
    assert log.done == 1
    events: Events = []
    for chunk in chunks:
        of_chunk: Events = [placed.record for placed in chunk.requests]
        of_chunk += [placed.record for placed in chunk.responses]
        for event in of_chunk:
            key = partition_key(event.project, event.user_id)
            assert partition_of(key, settings.kafka.partitions) == chunk.partition
        events += of_chunk
    return sorted(events, key=lambda event: (event.origin.edge_id, event.origin.seq)), chunks


async def test_each_event_comes_once(settings: Settings) -> None:
    a, b = events_of("edge-a", 60), events_of("edge-b", 30)
    await publish(settings, a[:40])
    await publish(settings, b)
    await publish(settings, a[20:])  # as a shipper that was killed ships again
    found, chunks = await asyncio.to_thread(read, settings)
    assert found == a + b
    assert sum(chunk.bad for chunk in chunks) == 0


async def test_only_the_span_and_what_is_no_event_is_counted(settings: Settings) -> None:
    events = events_of("edge-a", 20)
    place = Place(RESPONSES.name, 0)
    lines = encode_lines([events[0], events[2]])
    await publish(
        settings, events[4:], (place, b"no event"), (Place(REQUESTS.name, 1), b"{}"), (place, lines)
    )
    found, chunks = await asyncio.to_thread(read, settings, Span(5_000_000, 9_000_000))
    assert [event.origin.seq for event in found] == [4, 5, 6, 7]
    assert sum(chunk.bad for chunk in chunks) == 2


async def test_an_empty_log(settings: Settings) -> None:
    assert await asyncio.to_thread(read, settings) == ([], [])


async def test_a_broker_that_is_away_is_said_so(settings: Settings) -> None:
    nowhere = settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:9"})
    with pytest.raises(RetryableError):
        await asyncio.to_thread(lambda: list(KafkaLog(nowhere, Span()).chunks()))


async def test_members_of_a_group_are_counted(settings: Settings) -> None:
    assert await group_members(settings.kafka, "nobody-yet") == 0
    consumer = AIOKafkaConsumer(REQUESTS.name, **consumer_options(settings.kafka), group_id="one")
    await consumer.start()
    try:
        assert await group_members(settings.kafka, "one") == 1
    finally:
        await consumer.stop()
    assert await group_members(settings.kafka, "one") == 0
