"""Looking after the delivery log: what is old is removed, what waits is counted."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress

from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.notify.intake import DAY_US
from tallygate.stream_processors.notify.log import DeliveryLog

log = logging.getLogger(__name__)

COUNT_S = 5.0
PRUNE_S = 3600.0


class Housekeeping:
    """Works now and then. Several processes may do so."""

    def __init__(self, deliveries: DeliveryLog, *, keep_days: int) -> None:
        self._log = deliveries
        # A day longer than what is taken: whatever is removed is too old to be taken again.
        self._keep_us = (keep_days + 1) * DAY_US
        self._next_prune_s = 0.0
        self.counts: Mapping[tuple[str, str], int] = {}
        """Deliveries that are not delivered, by kind and state, as of some seconds ago."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            try:
                self.counts = await asyncio.to_thread(self._log.counts)
                await self._prune()
            except RetryableError as error:
                log.warning("the delivery log: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), COUNT_S)

    async def _prune(self) -> None:
        if time.monotonic() < self._next_prune_s:
            return
        removed = await asyncio.to_thread(self._log.prune, time.time_ns() // 1000 - self._keep_us)
        if removed:
            log.info("%d old deliveries removed", removed)
        self._next_prune_s = time.monotonic() + PRUNE_S
