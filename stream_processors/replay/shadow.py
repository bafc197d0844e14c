"""Tables beside the tables of calls and requests, filled by a replay and then put in their place.

ClickHouse swaps a whole partition (a month) at once, so that whoever asks sees the old rows or the new ones.
A month of the shadow must therefore be whole: rows whose events the log no longer has are copied into it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tallygate.runtime.clickhouse import Session, Target, connect
from tallygate.stream_processors.sink.store import Tables
from tallygate.stream_processors.sink.unavailable import store_errors

SUFFIX = "_replay"
ORIGIN = "source_partition, origin_edge, origin_seq"
_MONTH_OF = {"call_log": "toYYYYMM(ended_at)", "request_log": "toYYYYMM(received_at)"}
_COMPLETE = """
INSERT INTO {table}{suffix} SELECT * FROM {table}
WHERE {month_of} = {month} AND ({origin}) NOT IN
    (SELECT {origin} FROM {table}{suffix} WHERE {month_of} = {month})
"""
_SUMS = """
SELECT provider, model, count(), countIf(NOT priced), sum(cost_nanos)
FROM {table}
WHERE {month_of} IN {{months:Array(UInt32)}}
GROUP BY provider, model
"""


@dataclass(frozen=True, slots=True)
class Sums:
    """What calls of one model come to."""

    calls: int = 0
    unpriced: int = 0
    cost_nanos: int = 0


ByModel = dict[tuple[str, str], Sums]
"""By provider and model."""


class Shadow:
    """The shadow tables of one replay."""

    def __init__(self, target: Target) -> None:
        """Make them, empty: what a replay that was cut off has left is thrown away.

        Raises:
            StoreUnavailableError: ClickHouse can't be reached.
        """
        with store_errors():
            self._session: Session = connect(target)
        self.tables = Tables(*(table + SUFFIX for table in Tables()))
        self.drop()
        for table in Tables():
            self._command(f"CREATE TABLE {table}{SUFFIX} AS {table}")

    def months(self, table: str) -> list[int]:
        """Months, as 202611, that the shadow of a table has rows of."""
        month_of = _MONTH_OF[table]
        rows = self._rows(f"SELECT DISTINCT {month_of} AS month FROM {table}{SUFFIX} ORDER BY month")  # noqa: S608 - names from the code
        return [month for (month,) in rows]

    def complete(self) -> None:
        """Copy what the shadow lacks of its months."""
        for table, month in self._all_months():
            self._command(
                _COMPLETE.format(
                    table=table, suffix=SUFFIX, month_of=_MONTH_OF[table], month=month, origin=ORIGIN
                )
            )

    def sums(self) -> tuple[ByModel, ByModel]:
        """Of the months of the shadow: what the calls come to now, and what they will."""
        months = self.months("call_log")
        return self._sums("call_log", months), self._sums(f"call_log{SUFFIX}", months)

    def swap(self) -> None:
        """Put each month of the shadow in the place of the table's. If cut off, it may be run again."""
        for table, month in self._all_months():
            self._command(f"ALTER TABLE {table} REPLACE PARTITION {month} FROM {table}{SUFFIX}")

    def drop(self) -> None:
        """Remove the shadow."""
        for table in Tables():
            self._command(f"DROP TABLE IF EXISTS {table}{SUFFIX} SYNC")

    def close(self) -> None:
        """Close the connection."""
        with store_errors():
            self._session.close()

    def _all_months(self) -> Iterator[tuple[str, int]]:
        for table in Tables():
            for month in self.months(table):
                yield table, month

    def _sums(self, table: str, months: list[int]) -> ByModel:
        rows = self._rows(_SUMS.format(table=table, month_of=_MONTH_OF["call_log"]), {"months": months})
        return {(provider, model): Sums(*(int(n or 0) for n in sums)) for provider, model, *sums in rows}

    def _rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with store_errors():
            return self._session.rows(sql, parameters)

    def _command(self, sql: str) -> None:
        with store_errors():
            self._session.command(sql)
