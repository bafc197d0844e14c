"""The distributed run's event log: the topics of events in Kafka, as far back as they are kept."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.kafka import KafkaUnavailableError, client_options, mapped_errors
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.topics import REQUESTS, RESPONSES
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.messages import Raw, decode_messages
from tallygate.stream_processors.replay.log import Chunk, E, Seen, Span
from tallygate.stream_processors.store import Placed

POLL_MESSAGES = 64
STALLED_S = 30.0
SLACK_US = 24 * 3_600_000_000
"""Kafka knows when a message was written, which for a call of a given time may be a day later: an edge ships
what had waited through an outage."""
Offsets = dict[TopicPartition, int]


class KafkaLog:
    """An `EventLog` over `llm.requests` and `llm.responses`, up to where they end now."""

    def __init__(self, config: KafkaConfig, span: Span, since_us: int | None = None) -> None:
        """`since_us`: read what Kafka was given from then on; else, what may hold calls of the span."""
        self._config = config
        self._span = span
        self._since_us = span.from_us - SLACK_US if since_us is None else since_us
        self._begin: Offsets = {}
        self._end: Offsets = {}
        self._at: Offsets = {}

    @property
    def done(self) -> float:
        """See `EventLog`."""
        total = sum(self._end[place] - self._begin[place] for place in self._end)
        return sum(self._at[place] - self._begin[place] for place in self._at) / total if total else 1.0

    def chunks(self) -> Iterator[Chunk]:
        """See `EventLog`. Runs an event loop of its own while the caller waits for the next."""
        with asyncio.Runner() as runner:
            stream = self._stream()
            try:
                while (chunk := runner.run(_next(stream))) is not None:
                    yield chunk
            except KafkaUnavailableError as error:
                raise RetryableError(str(error)) from error
            finally:
                runner.run(_close(stream))

    async def _stream(self) -> AsyncIterator[Chunk]:
        seen = Seen()
        async with self._consuming() as consumer:
            patience = Deadline.after(STALLED_S)
            while waiting := [place for place in self._end if self._at[place] < self._end[place]]:
                with mapped_errors("reading the log"):
                    found = await consumer.getmany(*waiting, timeout_ms=200, max_records=POLL_MESSAGES)
                    for place in waiting:
                        self._at[place] = min(await consumer.position(place), self._end[place])
                if found:
                    patience = Deadline.after(STALLED_S)
                elif patience.expired():
                    raise KafkaUnavailableError("reading the log: no message comes")
                for place, messages in found.items():
                    raws = [Raw(message.offset, message.value or b"") for message in messages]
                    yield self._chunk(place, raws, seen)

    def _chunk(self, place: TopicPartition, raws: list[Raw], seen: Seen) -> Chunk:
        if place.topic == RESPONSES.name:
            responses, bad = self._decoded(ResponseEvent, place.partition, raws, seen)
            return Chunk(place.partition, responses=responses, bad=bad)
        requests, bad = self._decoded(RequestEvent, place.partition, raws, seen)
        return Chunk(place.partition, requests=requests, bad=bad)

    def _decoded(
        self, model: type[E], partition: int, raws: list[Raw], seen: Seen
    ) -> tuple[list[Placed[E]], int]:
        decoded = decode_messages(model, raws)
        placed = [
            each
            for each in decoded.placed
            if self._span.holds(each.record) and seen.new(partition, each.record)
        ]
        return placed, len(decoded.bad)

    @asynccontextmanager
    async def _consuming(self) -> AsyncIterator[AIOKafkaConsumer]:
        with mapped_errors("reading the log"):
            consumer = AIOKafkaConsumer(
                **client_options(self._config),
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                max_partition_fetch_bytes=2 * 1024 * 1024,
                fetch_max_wait_ms=50,
            )
            try:
                await consumer.start()
                await self._seek(consumer)
            except BaseException:
                await consumer.stop()
                raise
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def _seek(self, consumer: AIOKafkaConsumer) -> None:
        topics = (REQUESTS.name, RESPONSES.name)
        places = [TopicPartition(t, p) for t in topics for p in range(self._config.partitions)]
        consumer.assign(places)
        self._end = await consumer.end_offsets(places)
        since_ms = max(0, self._since_us // 1000)
        found: Mapping[TopicPartition, object | None] = await consumer.offsets_for_times(
            dict.fromkeys(places, since_ms)
        )
        for place in places:
            entry = found[place]
            self._begin[place] = self._end[place] if entry is None else getattr(entry, "offset", 0)
            consumer.seek(place, self._begin[place])
        self._at = dict(self._begin)


async def _next(stream: AsyncIterator[Chunk]) -> Chunk | None:
    return await anext(stream, None)


async def _close(stream: AsyncIterator[Chunk]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
