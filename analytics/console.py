"""Runs the SQL of users: judged first, kept to their project, and limited in time, memory and size."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tallygate.analytics.models import Column, SqlResult
from tallygate.analytics.sql.downloads import FILES, FileFormat
from tallygate.analytics.sql.errors import QueryError
from tallygate.analytics.sql.parameters import bind
from tallygate.analytics.sql.places import cleaned, located
from tallygate.analytics.sql.text import Prepared, prepare
from tallygate.analytics.sql.tree import EXPLAIN_PREFIX, OUTPUT_FORMAT, judge
from tallygate.analytics.sql.views import limit_to_project
from tallygate.analytics.syntax import syntax_mistake
from tallygate.runtime.clickhouse import SessionPool, StatementError, Target
from tallygate.runtime.clickhouse_errors import ClickHouseError, ResultTooLargeError
from tallygate.schemas.clickhouse import console_database

MAX_ROWS = 10_000
MAX_RESULT_BYTES = 64 * 1024 * 1024
MAX_SECONDS = 10
MAX_MEMORY_BYTES = 1024 * 1024 * 1024

FORMAT_SETTINGS: dict[str, str | int] = {
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_denormals": 0,
    "output_format_json_named_tuples_as_objects": 1,
    "date_time_output_format": "iso",
    "format_csv_null_representation": "",
}
FENCE: dict[str, str | int] = {
    "query_plan_filter_push_down": 0,
    "query_plan_merge_filters": 0,
    "enable_join_runtime_filters": 0,
    "optimize_use_projections": 0,
}
"""Keeps what a query computes above the choice of the project's rows. Else ClickHouse would compute it for
the rows of all projects first, and `WHERE toInt64(prompt) = 1` would say in its error what others wrote. Keys
and skip indexes are used nevertheless; aggregate projections are not."""
LIMITS: dict[str, str | int] = {
    **FENCE,
    "limit": MAX_ROWS + 1,
    "max_result_bytes": MAX_RESULT_BYTES,
    "result_overflow_mode": "throw",
    "max_execution_time": MAX_SECONDS,
    "timeout_overflow_mode": "throw",
    "max_memory_usage": MAX_MEMORY_BYTES,
    "allow_introspection_functions": 0,
    # Last: no setting can be changed after it but by a statement that is not a SELECT. 2 and not 1, as the
    # HTTP interface sends all of these with every query.
    "readonly": 2,
}
MAX_FILE_ROWS = 1_000_000
FILE_LIMITS: dict[str, str | int] = {
    **{name: value for name, value in LIMITS.items() if name not in ("limit", "readonly")},
    "max_result_rows": MAX_FILE_ROWS,
    "readonly": 2,
}

_SYNTAX_ERROR = 62
_FAILURES = {
    158: ("too_many_rows", "the query reads too many rows"),
    159: ("time_limit", f"the query took longer than {MAX_SECONDS} seconds"),
    160: ("time_limit", f"the query would take longer than {MAX_SECONDS} seconds"),
    241: ("memory_limit", "the query needs too much memory"),
    396: ("result_too_large", "the result is too large: select fewer columns or rows"),
}
"""ClickHouse's codes for what is the query's doing, though it is no fault of its text."""


class Console:
    """For the threads of an executor: everything here blocks."""

    def __init__(self, target: Target) -> None:
        self._database = target.database
        # A session of its own for EXPLAIN: the limit on rows would cut the tree.
        self._judging = SessionPool(target, settings={"readonly": 2, "max_execution_time": MAX_SECONDS})
        database = console_database(target.database)
        self._running = SessionPool(target, database=database, settings=FORMAT_SETTINGS | LIMITS)
        # A file is whole, or it is none: nobody would see that rows are missing.
        self._downloading = SessionPool(target, database=database, settings=FORMAT_SETTINGS | FILE_LIMITS)

    def run(self, query: str, parameters: Mapping[str, Any], project: str) -> SqlResult:
        """Run a query over the views of a project.

        Raises:
            QueryError: the query is refused, wrong, or too much.
            UnavailableError: ClickHouse can't be reached.
        """
        begin = time.monotonic()
        raw = self._result(self._running, "JSONCompact", query, parameters, project)
        # Not orjson: it has no integers beyond 64 bits, and ClickHouse has.
        answer = json.loads(raw)
        elapsed_ms = (time.monotonic() - begin) * 1000
        rows = answer["data"]
        return SqlResult(
            columns=[Column(name=column["name"], type=column["type"]) for column in answer["meta"]],
            rows=rows[:MAX_ROWS],
            row_count=min(len(rows), MAX_ROWS),
            truncated=len(rows) > MAX_ROWS,
            elapsed_ms=round(elapsed_ms, 3),
        )

    def download(self, query: str, parameters: Mapping[str, Any], project: str, fmt: FileFormat) -> bytes:
        """A result as a file, whole; errors as of `run`."""
        file = FILES[fmt]()
        raw = self._result(self._downloading, file.clickhouse, query, parameters, project)
        return file.page(raw) + file.end()

    def cancel(self) -> None:
        """Stop what runs."""
        self._running.cancel()
        self._downloading.cancel()

    def close(self) -> None:
        """Close all connections."""
        for pool in (self._judging, self._running, self._downloading):
            pool.close()

    def _result(
        self, pool: SessionPool, fmt: str, query: str, parameters: Mapping[str, Any], project: str
    ) -> bytes:
        prepared = prepare(query)
        values = bind(prepared, parameters)
        try:
            self._judge(prepared, values)
            limited = limit_to_project(prepared, self._database, project)
            with self._told():
                return pool.session().raw(
                    limited.sql, fmt, values | limited.values, max_bytes=MAX_RESULT_BYTES
                )
        except QueryError as error:
            raise located(error, prepared) from error

    def _judge(self, prepared: Prepared, values: dict[str, Any]) -> None:
        try:
            tree = self._judging.session().raw(EXPLAIN_PREFIX + prepared.text, OUTPUT_FORMAT, values)
        except StatementError as error:
            if error.code != _SYNTAX_ERROR:
                raise QueryError("query_failed", str(error)) from error
            mistake = syntax_mistake(str(error), prepared.text, len(EXPLAIN_PREFIX))
            raise QueryError("syntax_error", mistake.message, position=mistake.position) from error
        judge(tree.decode("utf-8", "replace"))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """ClickHouse's errors as the query's author is told."""
        try:
            yield
        except ResultTooLargeError as error:
            raise QueryError(*_FAILURES[396]) from error
        except ClickHouseError as error:
            if error.code in _FAILURES:
                raise QueryError(*_FAILURES[error.code]) from error
            if isinstance(error, StatementError):
                raise QueryError("query_failed", cleaned(str(error), self._database)) from error
            raise
