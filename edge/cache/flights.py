"""Single flight within a process: calls that ask the same while one of them is on its way wait for it."""

import asyncio
from typing import Literal

from tallygate.edge.cache.entry import Entry
from tallygate.runtime.deadline import Deadline

Landed = Entry | Literal["uncacheable", "abandoned", "late"]
"""An answer for all; one that can't be shared; none, so that another may try; or the waiting call's own
deadline has come."""


class Flights:
    """The calls on their way, by key."""

    def __init__(self) -> None:
        self._flights: dict[bytes, asyncio.Future[Landed]] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._flights

    def take_off(self, key: bytes) -> None:
        """Begin one. There must be none of this key."""
        self._flights[key] = asyncio.get_running_loop().create_future()

    def land(self, key: bytes, landed: Landed) -> None:
        """End one, telling all who wait."""
        flight = self._flights.pop(key, None)
        if flight is not None and not flight.done():
            flight.set_result(landed)

    async def join(self, key: bytes, deadline: Deadline) -> Landed:
        """Wait for one to land."""
        flight = self._flights[key]
        done, _ = await asyncio.wait({flight}, timeout=deadline.remaining_s())
        return flight.result() if done else "late"
