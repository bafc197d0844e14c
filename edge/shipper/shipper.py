"""The shipper's loop: read, publish, save the positions.

Order of commit: (1) Kafka has confirmed every message of a step; (2) the positions are saved; (3) segments
before them may be deleted. A crash between 1 and 2 ships the step again: in each partition a rewind to a
place that was passed before, from which everything follows in order. Readers skip that by sequence number.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.edge.shipper import oversize
from tallygate.edge.shipper.batches import Grouping
from tallygate.edge.shipper.follower import Follower, Outbox
from tallygate.edge.shipper.positions import PositionFile, Shipped
from tallygate.runtime.config import Settings
from tallygate.runtime.kafka import ensure_topics
from tallygate.runtime.messages import MAX_VALUE_BYTES, Message, Place, partition_of
from tallygate.runtime.publisher import Publisher, until_available
from tallygate.runtime.tasks import spawn
from tallygate.schemas.topics import BY_CODE, DEADLETTER

log = logging.getLogger(__name__)

IDLE_POLL_S = 0.05
"""Pause when there is nothing to ship: what it adds to a lone event's way."""
COLLECT_INTERVAL_S = 5.0
DRAIN_S = 1.0
"""After the edges have ended, their last events are shipped for so long; the next start does the rest."""


@dataclass(slots=True)
class ShipperStats:
    """Figures for metrics."""

    shipped: int = 0
    """Events confirmed by Kafka since the start."""
    shortened: int = 0
    """Response events that travelled without their bodies, being too long with them."""
    dead_letters: int = 0
    lag_bytes: int = 0
    """Bytes in outboxes that are not shipped yet."""
    corrupt_segments: int = 0
    caught_up_at_s: float = 0.0
    """Monotonic time at which nothing waited."""

    def lag_s(self, now_s: float) -> float:
        """For how long something has been waiting, at most."""
        return now_s - self.caught_up_at_s if self.lag_bytes else 0.0


class Shipper:
    """Ships all outboxes of a machine."""

    def __init__(self, settings: Settings, publisher: Publisher) -> None:
        """Read the saved positions.

        Raises:
            PositionsError: they are damaged.
        """
        self._kafka = settings.kafka
        self._keep_bytes = settings.outbox.kept_bytes
        self._spill_dir = settings.data_dir / "oversize"
        self._publisher = publisher
        self._file = PositionFile(settings.data_dir / "shipper.json")
        self._follower = Follower(settings.outbox_dir, self._file.load())
        self._saved: dict[str, Shipped] = {}
        self._collect_at_s = 0.0
        self.stats = ShipperStats(caught_up_at_s=time.monotonic())

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until told to stop, and then, for a moment, what the edges have left.

        Raises:
            TopicMismatchError: the topics don't fit.
        """
        if not await until_available(self._ensure_topics, stop, what="topics"):
            return
        late = asyncio.Event()
        waiting = spawn(_follow(stop, late), name="drain deadline")
        try:
            while not late.is_set():
                if not await self._step(late):
                    if stop.is_set():
                        return
                    await _pause(stop, IDLE_POLL_S)
        finally:
            waiting.cancel()

    async def _ensure_topics(self) -> None:
        await ensure_topics(self._kafka)

    async def _step(self, stop: asyncio.Event) -> bool:
        """Ship what is there now, up to a bound; whether there was something."""
        found = await asyncio.to_thread(self._follower.read)
        if not found:
            await asyncio.to_thread(self._after_step)
            self.stats.caught_up_at_s = time.monotonic()
            return False
        messages = await asyncio.to_thread(self._messages, found)

        async def publish() -> None:
            await self._publisher.publish(messages)

        if not await until_available(publish, stop, what="shipping"):
            return False  # nothing is saved: the next start ships it again
        self.stats.shipped += sum(len(records) for _, records in found)
        await asyncio.to_thread(self._after_step)
        return True

    def _messages(self, found: list[tuple[Outbox, list[OutboxRecord]]]) -> dict[Place, list[Message]]:
        grouping = Grouping(self._kafka.partitions)
        for outbox, records in found:
            for record in records:
                if len(record.payload) <= MAX_VALUE_BYTES and record.topic in BY_CODE:
                    grouping.add(grouping.place_of(record), record.payload)
                else:
                    self._add_misfit(grouping, outbox, record)
        return grouping.messages()

    def _add_misfit(self, grouping: Grouping, outbox: Outbox, record: OutboxRecord) -> None:
        """Shorten a record, or dead-letter it; the stream goes on in either case."""
        short = oversize.without_bodies(record)
        kept = self._spill(outbox, record)
        if short is not None and len(short) <= MAX_VALUE_BYTES:
            self.stats.shortened += 1
            log.warning(
                "event %d of %s is too long; sent without bodies, whole in %s", record.seq, outbox.name, kept
            )
            grouping.add(grouping.place_of(record), short)
            return
        known = record.topic in BY_CODE
        reason = (
            f"{len(record.payload)} bytes are too long" if known else f"unknown topic code {record.topic}"
        )
        self.stats.dead_letters += 1
        log.error("event %d of %s: %s; kept in %s", record.seq, outbox.name, reason, kept)
        partition = partition_of(record.key, self._kafka.partitions)
        letter = oversize.dead_letter(
            record, edge_id=outbox.edge_id, partition=partition, reason=reason, now_us=time.time_ns() // 1000
        )
        grouping.add(Place(DEADLETTER.name, partition), letter)

    def _spill(self, outbox: Outbox, record: OutboxRecord) -> Path:
        self._spill_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._spill_dir / f"{outbox.edge_id}-{record.seq}.json"
        path.write_bytes(record.payload)
        return path

    def _after_step(self) -> None:
        positions = self._follower.positions()
        if positions != self._saved:
            self._file.save(positions)
            self._saved = positions
        self.stats.lag_bytes = self._follower.lag_bytes()
        self.stats.corrupt_segments = self._follower.corrupt_segments()
        if time.monotonic() >= self._collect_at_s:
            self._follower.collect(self._keep_bytes)
            self._collect_at_s = time.monotonic() + COLLECT_INTERVAL_S


async def _follow(stop: asyncio.Event, late: asyncio.Event) -> None:
    """Set `late` some time after `stop`."""
    await stop.wait()
    await asyncio.sleep(DRAIN_S)
    late.set()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
