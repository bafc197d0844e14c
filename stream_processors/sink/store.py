"""The store of calls in ClickHouse.

A batch is cut, in its order, into runs of one month, and each run is one insert of one block: ClickHouse
writes it as one part, which is there or not. So what is held of an edge is always a prefix of what was sent,
and its highest sequence number, kept in the rows themselves, says where to go on. That number is asked of
ClickHouse at every start and after every failure; it is answered from the projection `high_water`. It says so
only when no insert is under way: a server goes on with one whose sender was killed or waits no longer.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from tallygate.runtime.clickhouse import Session, Target, connect
from tallygate.schemas.events import RequestEvent
from tallygate.schemas.model import Record
from tallygate.schemas.records import Alert, Call
from tallygate.stream_processors.errors import StoreUnavailableError
from tallygate.stream_processors.sink.rows import (
    MAX_TIME_US,
    Block,
    Bounds,
    alert_block,
    body_chars,
    call_block,
    call_time_us,
    month_of,
    no_chars,
    request_block,
    request_time_us,
    runs,
)
from tallygate.stream_processors.sink.unavailable import store_errors
from tallygate.stream_processors.store import Applied, Placed

R = TypeVar("R", bound=Record)

BOUNDS = Bounds(rows=20_000, chars=48 * 1024 * 1024)
"""Of one insert: ClickHouse makes a second block of a million rows, or of 256 MiB (a character may take four
bytes)."""

MARKS = """
SELECT origin_edge, max(origin_seq)
FROM {table}
WHERE source_partition = {{partition:UInt32}}
GROUP BY origin_edge
"""

_HELD_ALERTS = "SELECT alert_id FROM alert_log WHERE alert_id IN {ids:Array(String)}"
ALERTS_MARK = "alerts"


class Tables(NamedTuple):
    """Where the rows go."""

    calls: str = "call_log"
    requests: str = "request_log"


def insert_comment(database: str, partition: int | str) -> str:
    """What inserts of a partition, or of alerts, are known by while ClickHouse is at them."""
    return f"tallygate insert {database}/{partition}"


class ClickHouseStore:
    """A `Store`; for one thread at a time.

    The connection is opened at first use, so that a server that is down at start is a matter of waiting.
    """

    def __init__(self, target: Target, tables: Tables = Tables()) -> None:  # noqa: B008 - immutable
        self._target = target
        self._tables = tables
        self._session: Session | None = None

    def applied(self, partition: int) -> Applied:
        """See `CallStore`."""
        with store_errors():
            if self._open().inserting(insert_comment(self._target.database, partition)):
                raise StoreUnavailableError("ClickHouse is still at an earlier insert")
            return Applied(
                calls=self._marks(self._tables.calls, partition),
                requests=self._marks(self._tables.requests, partition),
            )

    def insert_calls(self, partition: int, calls: Sequence[Placed[Call]]) -> None:
        """See `CallStore`."""
        for run in runs(calls, call_time_us, body_chars, BOUNDS):
            self._insert(self._tables.calls, call_block, partition, run)

    def insert_requests(self, partition: int, requests: Sequence[Placed[RequestEvent]]) -> None:
        """See `CallStore`."""
        for run in runs(requests, request_time_us, no_chars, BOUNDS):
            self._insert(self._tables.requests, request_block, partition, run)

    def insert_alerts(self, alerts: Sequence[Alert]) -> None:
        """See `AlertStore`. Of a partition's alerts there may be one writer at a time."""
        if not alerts:
            return
        comment = insert_comment(self._target.database, ALERTS_MARK)
        with store_errors():
            session = self._open()
            if session.inserting(comment):
                raise StoreUnavailableError("ClickHouse is still at an earlier insert")
            ids = [alert.alert_id for alert in alerts]
            held = {row[0] for row in session.rows(_HELD_ALERTS, {"ids": ids})}
            missing = {alert.alert_id: alert for alert in alerts if alert.alert_id not in held}
            by_month: dict[tuple[int, int], list[Alert]] = {}
            for alert in missing.values():
                by_month.setdefault(month_of(min(alert.raised_at_us, MAX_TIME_US)), []).append(alert)
            for month in by_month.values():
                block = alert_block(month)
                session.insert("alert_log", block.names, block.types, block.columns, comment=comment)

    def close(self) -> None:
        """Close the connection."""
        session, self._session = self._session, None
        if session is not None:
            with store_errors():
                session.close()

    def _marks(self, table: str, partition: int) -> dict[str, int]:
        return dict(self._open().rows(MARKS.format(table=table), {"partition": partition}))

    def _insert(
        self,
        table: str,
        block_of: Callable[[int, Sequence[Placed[R]]], Block],
        partition: int,
        run: Sequence[Placed[R]],
    ) -> None:
        block = block_of(partition, run)
        comment = insert_comment(self._target.database, partition)
        with store_errors():
            self._open().insert(table, block.names, block.types, block.columns, comment=comment)

    def _open(self) -> Session:
        if self._session is None:
            self._session = connect(self._target)
        return self._session
