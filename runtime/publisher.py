"""Writing to Kafka such that every partition gets a prefix of what was given, in order.

That is what "counted once" rests on: a reader that keeps the highest sequence number it has applied may skip
whatever comes again, but only if nothing was left out before it. A client with several batches of one
partition under way can drop one and deliver the next; so here a partition has one batch at a time, and after
any failure the producer is thrown away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import (
    KafkaUnavailableError,
    MessageTooLargeError,
    client_options,
    mapped_errors,
)
from tallygate.runtime.messages import MAX_VALUE_BYTES, Message, Messages, Place, rounds

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 3.0
"""Closing waits for batches under way; of a dead broker there is nothing to wait for."""
FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 5.0


class Publisher:
    """Writes messages, confirmed by all in-sync replicas."""

    def __init__(self, config: KafkaConfig, *, client_id: str, transactional_id: str | None = None) -> None:
        """With a `transactional_id`, whoever opens it last is the only one who can write: each `publish` is
        one transaction, and an earlier holder gets `KafkaFencedError`."""
        self._options: dict[str, Any] = {
            **client_options(config),
            "client_id": client_id,
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "lz4",
            "max_batch_size": 2 * MAX_VALUE_BYTES,
            "transactional_id": transactional_id,
        }
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> AIOKafkaProducer:
        """Connect if need be, and fence off an earlier holder of the transactional id.

        Raises:
            KafkaUnavailableError: to be tried again.
        """
        if self._producer is not None:
            return self._producer
        producer = AIOKafkaProducer(**self._options)
        try:
            with mapped_errors("connecting to Kafka"):
                await producer.start()
        except BaseException:
            await _discard(producer)
            raise
        self._producer = producer
        return producer

    async def publish(self, messages: Messages) -> None:
        """Write messages and return when all are confirmed.

        Raises:
            KafkaUnavailableError: of each partition only a prefix may be written. Give all of it again.
            KafkaFencedError: another process writes with this transactional id.
            MessageTooLargeError: nothing was written.
        """
        _check_sizes(messages)
        producer = await self.open()
        try:
            with mapped_errors("writing to Kafka"):
                if self._options["transactional_id"]:
                    async with producer.transaction():
                        await _write(producer, messages)
                else:
                    await _write(producer, messages)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect. The next `publish` connects again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _discard(producer)


async def until_available(action: Callable[[], Awaitable[None]], stop: asyncio.Event, *, what: str) -> bool:
    """Repeat an action while Kafka is unavailable, with growing pauses; False if `stop` came first."""
    pause_s = FIRST_PAUSE_S
    while not stop.is_set():
        try:
            await action()
        except KafkaUnavailableError as error:
            log.warning("%s: %s; again in %.1f s", what, error, pause_s)
        else:
            return True
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            pause_s = min(2 * pause_s, LAST_PAUSE_S)
    return False


async def _write(producer: AIOKafkaProducer, messages: Messages) -> None:
    for round_ in rounds(messages):
        waiting: list[asyncio.Future[Any]] = []
        try:
            for place, batch in round_.items():
                waiting.append(await _submit(producer, place, batch))
        finally:
            # Also if one could not be handed over: the fate of the others is to be known.
            results = await asyncio.gather(*waiting, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


async def _submit(
    producer: AIOKafkaProducer, place: Place, batch: Sequence[Message]
) -> "asyncio.Future[Any]":
    builder = producer.create_batch()
    for message in batch:
        if builder.append(timestamp=None, key=message.key, value=message.value) is None:
            raise MessageTooLargeError(f"a batch of {len(batch)} messages for {place} does not fit")
    builder.close()
    future: asyncio.Future[Any] = await producer.send_batch(builder, place.topic, partition=place.partition)
    return future


def _check_sizes(messages: Messages) -> None:
    for place, queued in messages.items():
        longest = max((message.size for message in queued), default=0)
        if longest > MAX_VALUE_BYTES:
            raise MessageTooLargeError(f"a message of {longest} bytes for {place.topic}")


async def _discard(producer: AIOKafkaProducer) -> None:
    """Stop a producer, whatever state it is in."""
    try:
        await asyncio.wait_for(producer.stop(), CLOSE_TIMEOUT_S)
    except Exception:  # whatever it was, the failure that led here is already on its way
        log.debug("closing a Kafka producer failed", exc_info=True)
