"""From what happened to deliveries in the log."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from tallygate.schemas.deliveries import EventKind, Outgoing
from tallygate.stream_processors.notify.log import DeliveryLog

log = logging.getLogger(__name__)

DAY_US = 86_400_000_000


class Intake:
    """Takes what sources find. What is older than the log's memory is not told: it might be known."""

    def __init__(self, deliveries: DeliveryLog, *, keep_days: int, on_new: Callable[[], None]) -> None:
        """`on_new` is called when there is something to send."""
        self._log = deliveries
        self._oldest_us: dict[EventKind, int] = {
            "alert": keep_days * DAY_US,
            "test": keep_days * DAY_US,
            "call": DAY_US,
        }
        self._on_new = on_new
        self.dropped = 0
        """Records of calls for which their channel had no room."""
        self.too_old = 0

    async def take(self, found: Sequence[Outgoing], *, source: str = "", position: int = -1) -> None:
        """Keep what was found, and how far its source is read.

        Raises:
            RetryableError: nothing was kept.
        """
        now_us = time.time_ns() // 1000
        fresh = [one for one in found if now_us - one.at_us <= self._oldest_us[one.kind]]
        if not fresh and not source:
            self._note(len(found), 0)
            return
        added = await asyncio.to_thread(partial(self._log.add, fresh, source=source, position=position))
        self._note(len(found) - len(fresh), added.dropped)
        if added.new:
            self._on_new()

    def _note(self, too_old: int, dropped: int) -> None:
        self.too_old += too_old
        self.dropped += dropped
        if too_old:
            log.warning("%d events are too old to be told of", too_old)
        if dropped:
            log.error("%d records of calls were dropped: too many wait for their channel", dropped)
