"""Alerts and calls from the runner's state to the delivery log.

Order of a look: (1) the log has the deliveries and, in the same transaction, the position; (2) the runner
learns what it may remove. A position belongs to the state file that it was read from: of another one, such as
a backup's, all is looked at again, and the log knows what it has.

After a power cut the state may stand at an earlier point than the log, and give some numbers out again: so a
start looks once more at what is just below its position.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tallygate.schemas.deliveries import Outgoing, of_alert
from tallygate.stream_processors.embedded.alerts import read_alerts
from tallygate.stream_processors.embedded.outgoing import read_outgoing
from tallygate.stream_processors.embedded.read import reading
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.notify.intake import Intake
from tallygate.stream_processors.notify.log import DeliveryLog

log = logging.getLogger(__name__)

POLL_S = 0.2
LOOK = 200
"""Events a look."""


class Found(NamedTuple):
    """What a look found: the last number, and what is to be told."""

    last: int
    outgoing: Sequence[Outgoing]


Reader = Callable[[sqlite3.Connection, int], Found]


class StateSource:
    """Follows the state file of the runner in this process."""

    def __init__(
        self, state_path: Path, deliveries: DeliveryLog, intake: Intake, on_taken: Callable[[int], None]
    ) -> None:
        """`on_taken` is told the number up to which calls have been taken over."""
        self._path = state_path
        self._log = deliveries
        self._intake = intake
        self._on_taken = on_taken
        self._positions: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            more = False
            try:
                more = await self._look("alerts", _alerts)
                more |= await self._look("calls", _calls)
            except RetryableError as error:
                log.warning("alerts and calls wait: %s", error)
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), POLL_S)

    async def _look(self, kind: str, reader: Reader) -> bool:
        """Take what is new; whether there may be more."""
        try:
            source = f"{kind}@{(await asyncio.to_thread(self._path.stat)).st_ino}"
        except OSError:  # the runner has not begun
            return False
        if source not in self._positions:
            # Calls that were taken over are removed: what is there of them is looked at, all of it.
            known = -1 if kind == "calls" else await asyncio.to_thread(self._log.position, source)
            self._positions[source] = max(-1, known - LOOK)
        found = await asyncio.to_thread(partial(self._read, reader, self._positions[source]))
        if found.last == self._positions[source]:
            return False
        await self._intake.take(found.outgoing, source=source, position=found.last)
        self._positions[source] = found.last
        if kind == "calls":
            self._on_taken(found.last)
        return True

    def _read(self, reader: Reader, above: int) -> Found:
        with reading(self._path) as db:
            return reader(db, above)


def _alerts(db: sqlite3.Connection, above: int) -> Found:
    rows = read_alerts(db, above=above, limit=LOOK)
    told = (of_alert(row.alert) for row in rows)
    return Found(rows[-1].number if rows else above, [one for one in told if one is not None])


def _calls(db: sqlite3.Connection, above: int) -> Found:
    rows = read_outgoing(db, above=above, limit=LOOK)
    return Found(rows[-1].number if rows else above, [row.outgoing for row in rows])
