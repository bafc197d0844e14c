"""The loop that sends what is due.

Order of a try: claim (nobody else takes the delivery for `lease_s`), send, record. Killed before the receiver
has it: tried again when the lease ends. Killed after that and before the record: sent again, with the same
`webhook-id`, by which receivers know it. A lease is longer than a try may take, so two processes never send
the same delivery at once.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeVar

from tallygate.runtime.tasks import spawn
from tallygate.schemas.deliveries import Claimed, Tried
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.notify.log import DeliveryLog
from tallygate.stream_processors.notify.outcome import Outcome, failed
from tallygate.stream_processors.notify.schedule import Schedule

log = logging.getLogger(__name__)
T = TypeVar("T")

TURNED_OFF = "the receiver answered 410 Gone"


class Sends(Protocol):
    """What tries a delivery."""

    def send(self, delivery: Claimed) -> Awaitable[Outcome]:
        """Never raises for what a receiver does."""
        ...


@dataclass(frozen=True, slots=True)
class CourierOptions:
    """Sizes and times of the loop."""

    at_once: int = 64
    """Tries under way in this process."""
    calls_at_once: int = 48
    """Of them, of records of calls: alerts find room whatever there is of those."""
    per_channel: int = 8
    """Of them, to one channel: a slow receiver keeps nobody else waiting."""
    lease_s: float = 60.0
    """Longer than a try and its record may take."""
    poll_s: float = 0.5
    """Pause between looks for what has become due, unless woken."""
    retry_s: float = 1.0
    """Pause after the log could not be used."""
    end_s: float = 5.0
    """For tries under way when the process stops."""
    schedule: Schedule = field(default_factory=Schedule)


class Courier:
    """Sends deliveries. Belongs to one loop; `wake` too."""

    def __init__(
        self,
        deliveries: DeliveryLog,
        sender: Sends,
        owner: str,
        options: CourierOptions | None = None,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._log = deliveries
        self._sender = sender
        self._owner = owner
        self._options = options or CourierOptions()
        self._chance = chance
        self._woken = asyncio.Event()
        self._under_way: Counter[str] = Counter()
        self._calls = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: list[Tried] = []
        self._gone: set[str] = set()
        self.tried: Counter[tuple[str, str]] = Counter()
        """Tries by the delivery's kind and the result."""

    def wake(self) -> None:
        """Something may be due now."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; tries under way are finished, or given back."""
        stopping = spawn(self._wake_at(stop), name="courier stop")
        try:
            while not stop.is_set():
                self._woken.clear()
                if not await self._turn():
                    await self._pause(self._options.retry_s, stop)
                elif not self._woken.is_set():
                    await self._pause(self._options.poll_s)
        finally:
            stopping.cancel()
            await self._end()

    async def _turn(self) -> bool:
        """Record what is done and begin what is due; False if the log can't be used now."""
        try:
            await self._record()
            room = self._options.at_once - len(self._tasks)
            claimed = await self._claim(room) if room > 0 else ()
        except RetryableError as error:
            log.warning("deliveries wait: %s", error)
            return False
        for delivery in claimed:
            self._begin(delivery)
        if claimed:  # there may be more
            self._woken.set()
        return True

    async def _claim(self, limit: int) -> "tuple[Claimed, ...]":
        options, now_us = self._options, _now_us()
        room = {channel: options.per_channel - count for channel, count in self._under_way.items()}
        claim = partial(
            self._log.claim,
            self._owner,
            now_us=now_us,
            until_us=now_us + int(options.lease_s * 1e6),
            limit=limit,
            calls=options.calls_at_once - self._calls,
            room=room,
            per_channel=options.per_channel,
        )
        return tuple(await asyncio.to_thread(claim))

    def _begin(self, delivery: Claimed) -> None:
        self._under_way[delivery.channel_id] += 1
        self._calls += delivery.kind == "call"
        task = spawn(self._try(delivery), name=f"delivery {delivery.delivery_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self, delivery: Claimed) -> None:
        begun = time.monotonic()
        try:
            outcome = await self._sender.send(delivery)
        except Exception:
            log.exception("delivery %s could not be made", delivery.delivery_id)
            outcome = failed("an unexpected error; the notifier's log has it")
        finally:
            self._ended(delivery)
        self._note(delivery, outcome, int((time.monotonic() - begun) * 1e6))

    def _ended(self, delivery: Claimed) -> None:
        self._calls -= delivery.kind == "call"
        self._under_way[delivery.channel_id] -= 1
        if not self._under_way[delivery.channel_id]:
            del self._under_way[delivery.channel_id]

    def _note(self, delivery: Claimed, outcome: Outcome, duration_us: int) -> None:
        tried = self._judged(delivery, outcome, duration_us)
        if outcome.result == "gone":
            self._gone.add(delivery.channel_id)
        if tried.state == "dead":
            log.warning("delivery %s is given up: %s", delivery.delivery_id, tried.error)
        self.tried[delivery.kind, "dead" if tried.state == "dead" else outcome.result] += 1
        self._done.append(tried)
        self._woken.set()

    def _judged(self, delivery: Claimed, outcome: Outcome, duration_us: int) -> Tried:
        """What a try's outcome means for its delivery."""
        now_us = _now_us()
        tried = Tried(
            delivery.delivery_id, "dead", now_us, duration_us, status=outcome.status, error=outcome.error
        )
        if outcome.result == "delivered":
            return replace(tried, state="delivered")
        if outcome.result != "failed":
            return tried
        next_us = self._options.schedule.next_us(
            tries=delivery.tries + 1,
            begun_us=delivery.begun_us,
            now_us=now_us,
            chance=self._chance(),
            retry_after_s=outcome.retry_after_s,
        )
        return tried if next_us is None else replace(tried, state="waiting", next_us=next_us)

    async def _record(self) -> None:
        done, self._done = self._done, []
        try:
            if done:
                await asyncio.to_thread(self._log.record, self._owner, done)
        except BaseException:
            self._done = done + self._done
            raise
        if self._gone:
            gone = tuple(self._gone)
            await asyncio.to_thread(self._log.turn_off, gone, TURNED_OFF)
            self._gone.difference_update(gone)

    async def _end(self) -> None:
        """Wait for tries under way, a little; give back the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._options.end_s)
        for task in self._tasks:
            task.cancel()
        try:
            await self._record()
            await asyncio.to_thread(self._log.release, self._owner)
        except RetryableError as error:
            log.warning("what was sent last could not be recorded: %s", error)

    async def _pause(self, seconds: float, stop: asyncio.Event | None = None) -> None:
        try:
            await asyncio.wait_for((stop or self._woken).wait(), seconds)
        except TimeoutError:
            return

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._woken.set()


def _now_us() -> int:
    return time.time_ns() // 1000
