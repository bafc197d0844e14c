"""Calls and their sums, read from ClickHouse. Everything here blocks: for the threads of an executor."""

from collections.abc import Callable
from typing import Any, TypeVar

from tallygate.analytics.console import FORMAT_SETTINGS, MAX_MEMORY_BYTES, MAX_SECONDS
from tallygate.analytics.models import CallDetail, UsageReport
from tallygate.analytics.requests.one import read_call
from tallygate.analytics.requests.statement import Rows, Statement
from tallygate.analytics.requests.usage import Report, report
from tallygate.analytics.sql.views import VIEWS
from tallygate.runtime.clickhouse import SessionPool, Target

T = TypeVar("T")

_SETTINGS: dict[str, str | int] = {
    **FORMAT_SETTINGS,
    "max_execution_time": MAX_SECONDS,
    "max_memory_usage": MAX_MEMORY_BYTES,
    "readonly": 2,
}


class Calls:
    """Reads the views; raises `ClickHouseError`."""

    def __init__(self, target: Target) -> None:
        self._pool = SessionPool(target, settings=_SETTINGS)

    def read(self, work: Callable[[Rows], T]) -> T:
        """Let a question ask its statements."""
        return work(self._rows)

    def raw(self, statement: Statement, fmt: str) -> bytes:
        """A result in one of ClickHouse's formats."""
        return self._pool.session().raw(statement.sql, fmt, statement.values)

    def one(self, request_id: str, project: str) -> CallDetail | None:
        """The latest call of an id."""
        return read_call(self._rows, request_id, project)

    def usage(self, asked: Report) -> UsageReport:
        """Sums by dimension."""
        total = self._rows(asked.total)
        groups = self._rows(asked.groups) if asked.dimensions else total
        return report(asked, groups, total)

    def columns_of_views(self) -> list[tuple[Any, ...]]:
        """View, column, type and comment of every view that the SQL console knows."""
        sql = "SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase()"
        sql += " AND table IN {views:Array(String)} ORDER BY position"
        return self._rows(Statement(sql, {"views": list(VIEWS)}))

    def ping(self) -> None:
        """Ask whether the tables are there."""
        self._pool.session().rows("SELECT count() FROM schema_migrations")

    def cancel(self) -> None:
        """Stop what runs."""
        self._pool.cancel()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._pool.session().rows(statement.sql, statement.values)
