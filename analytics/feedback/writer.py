"""Writes what is said of calls: what arrives while an insert is under way goes into the next one together.

Each insert makes a part, and ClickHouse refuses more when it can't merge them as fast. So there is one insert
at a time for each table, however many requests come.
"""

import asyncio
from collections.abc import Callable, Sequence

from tallygate.analytics.errors import RequestError
from tallygate.analytics.feedback.rows import Row, Table
from tallygate.runtime.clickhouse import Session, Target, connect
from tallygate.runtime.tasks import spawn

MAX_WAITING = 10_000
"""Rows; beyond this a caller gets 503 at once."""


class Inserter:
    """Inserts rows; blocks, and is for one thread at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session: Session | None = None

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows; all are held when this returns."""
        if self._session is None:
            self._session = connect(self._target)
        names = list(table.columns)
        columns = [[row[name] for row in rows] for name in names]
        self._session.insert(table.name, names, list(table.columns.values()), columns)

    def close(self) -> None:
        """Close the connection."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


class FeedbackWriter:
    """Writes the rows of one table, for the requests of one event loop."""

    def __init__(self, table: Table, insert: Callable[[Table, Sequence[Row]], None]) -> None:
        """Take a function that blocks; it is called in a thread, by one at a time."""
        self._table = table
        self._insert = insert
        self._waiting: list[tuple[Sequence[Row], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows; they are held when this returns.

        Raises:
            RequestError: 503, too many wait already.
            ClickHouseError: they may be held, or not: to be sent again.
        """
        if sum(len(waiting) for waiting, _ in self._waiting) + len(rows) > MAX_WAITING:
            raise RequestError(503, "too_many_queries", "too much waits to be written; try again soon")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, done))
        if self._writing is None or self._writing.done():
            self._writing = spawn(self._drain(), name=f"write {self._table.name}")
        await done

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            rows = [row for waiting, _ in batch for row in waiting]
            try:
                await asyncio.to_thread(self._insert, self._table, rows)
            except Exception as error:  # noqa: BLE001 - whatever it was, who waits is told
                _settle(batch, error)
            else:
                _settle(batch, None)

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._writing is not None:
            await self._writing


def _settle(batch: Sequence[tuple[Sequence[Row], "asyncio.Future[None]"]], error: Exception | None) -> None:
    for _, done in batch:
        # Who gave up is not told.
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
