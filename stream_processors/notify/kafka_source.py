"""Alerts and calls from Kafka to the delivery log.

Order of a batch: (1) the log has its deliveries; (2) the offsets are committed. A crash in between has the
batch read again, and the log knows what it has.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError, consumer_options, mapped_errors
from tallygate.runtime.publisher import FIRST_PAUSE_S, LAST_PAUSE_S, until_available
from tallygate.schemas.codec import BadRecordError, decode, split_lines
from tallygate.schemas.deliveries import Outgoing, of_alert
from tallygate.schemas.records import Alert, Call
from tallygate.schemas.topics import ALERTS, CALLS
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.notify.intake import Intake
from tallygate.stream_processors.notify.selector import CallSelector

log = logging.getLogger(__name__)
R = TypeVar("R", Alert, Call)

GROUP = "tallygate-notify"
POLL_S = 0.1
POLL_MESSAGES = 64
ASKS = b'"webhook":true'
"""In the line of every call that asks to be told, as `schemas.codec` writes it. Inside a text the quotes
would be escaped."""


class KafkaSource:
    """Follows both topics, as a member of a group."""

    def __init__(self, config: KafkaConfig, intake: Intake, selector: CallSelector) -> None:
        self._intake = intake
        self._selector = selector
        self._consumer = AIOKafkaConsumer(**consumer_options(config), group_id=GROUP, client_id=GROUP)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        try:
            if await until_available(self._connect, stop, what="connecting"):
                while not stop.is_set():
                    if self._selector.ready:
                        await self._round(stop)
                    else:
                        await asyncio.sleep(POLL_S)
        finally:
            await self._consumer.stop()

    async def _connect(self) -> None:
        with mapped_errors("connecting to Kafka"):
            await self._consumer.start()
        self._consumer.subscribe([ALERTS.name, CALLS.name])

    async def _round(self, stop: asyncio.Event) -> None:
        try:
            with mapped_errors("reading"):
                found = await self._consumer.getmany(timeout_ms=int(POLL_S * 1000), max_records=POLL_MESSAGES)
            if found and await self._taken(self._outgoing(found), stop):
                with mapped_errors("committing"):
                    await self._consumer.commit({p: batch[-1].offset + 1 for p, batch in found.items()})
        except KafkaUnavailableError as error:  # read again by whoever has the partition then
            log.warning("%s", error)
            await asyncio.sleep(POLL_S)

    def _outgoing(self, found: Mapping[TopicPartition, Sequence[Any]]) -> list[Outgoing]:
        outgoing: list[Outgoing] = []
        for partition, messages in found.items():
            lines = (line for message in messages for line in split_lines(message.value or b""))
            if partition.topic == ALERTS.name:
                alerts = (of_alert(alert) for alert in _decoded(Alert, lines))
                outgoing += [one for one in alerts if one is not None]
            else:
                outgoing += self._selector.outgoing(_decoded(Call, self._asking(lines)))
        return outgoing

    def _asking(self, lines: Iterable[bytes]) -> Iterable[bytes]:
        """Lines that may be told: decoding all calls costs far more than looking at them."""
        return (line for line in lines if ASKS in line) if self._selector.idle else lines

    async def _taken(self, outgoing: list[Outgoing], stop: asyncio.Event) -> bool:
        """Keep them, however long that takes; False if it was time to stop before."""
        pause_s = FIRST_PAUSE_S
        while not stop.is_set():
            try:
                await self._intake.take(outgoing)
            except RetryableError as error:
                log.warning("%s; again in %.1f s", error, pause_s)
            else:
                return True
            # If this lasts, the partitions go to another member, which reads the batch again.
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)
        return False


def _decoded(model: type[R], lines: Iterable[bytes]) -> Iterator[R]:
    for line in lines:
        try:
            yield decode(model, line)
        except BadRecordError as error:  # the sink dead-letters what is no call
            log.error("not told: %s", error)  # noqa: TRY400 - nothing to trace
