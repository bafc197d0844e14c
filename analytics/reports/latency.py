"""`GET /api/v1/latency`: quantiles of latency and time to first byte, by group and over time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from tallygate.analytics.api.scope import DAY_US, HOUR_US, Scope
from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.models import ApiModel
from tallygate.analytics.reports.buckets import Interval, Zone, column_of_time, cut
from tallygate.analytics.reports.dimensions import Dimension, column
from tallygate.analytics.reports.quantiles import Quantiles, quantiles, quantiles_sql
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, select

MAX_ROWS = 10_000


class LatencyQuery(ApiModel):
    """How calls are grouped."""

    by: Dimension | None = None
    interval: Interval | None = None
    """Without: the whole period at once."""
    tz: Zone = "UTC"
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """Of groups: those with the most requests."""


class LatencyRow(ApiModel):
    """One group, or one part of the period of it."""

    group: str
    time: datetime | None
    """When the part of the period begins; null without interval."""
    requests: int
    latency_ms: Quantiles
    ttft_ms: Quantiles


class LatencyAnswer(ApiModel):
    """By time, then by requests."""

    rows: list[LatencyRow]


def read_latency(rows: Rows, scope: Scope, query: LatencyQuery) -> LatencyAnswer:
    """Read the quantiles."""
    value = column(query.by, "d0") if query.by is not None else Clause("''", {})
    time = _time(scope, query)
    bucket = cut(scope, query.interval, query.tz).of(time) if query.interval else Clause("0", {})
    clauses = scope.within(time)
    if query.by is not None:
        top = _top(rows, scope, value, query, time)
        clauses.append(Clause(f"{value.sql} IN {{top:Array(String)}}", {"top": top}))
    columns: list[str | Clause] = [bucket.as_("b"), value.as_("g"), "count() AS n"]
    columns += [quantiles_sql("latency_us"), quantiles_sql("ttft_us")]
    tail = ("GROUP BY b, g", "ORDER BY b, n DESC, g", f"LIMIT {MAX_ROWS + 1}")
    found = rows(select(columns, "calls", clauses, scope.project, *tail))
    if len(found) > MAX_ROWS:
        raise bad_parameter("interval", f"there are more than {MAX_ROWS} rows; ask for longer ones")
    return LatencyAnswer(rows=[_row(row, timed=query.interval is not None) for row in found])


def _time(scope: Scope, query: LatencyQuery) -> str:
    """The coarsest time of a projection that the period and its parts allow: hours of all calls, or days."""
    daily = query.by is not None
    if query.interval:
        return column_of_time(scope, cut(scope, query.interval, query.tz), daily=daily, hourly=not daily)
    if daily:
        return "toStartOfDay(received_at)" if scope.is_whole(DAY_US) else "received_at"
    return "toStartOfHour(received_at)" if scope.is_whole(HOUR_US) else "received_at"


def _top(rows: Rows, scope: Scope, value: Clause, query: LatencyQuery, time: str) -> list[str]:
    tail = ("GROUP BY g", "ORDER BY count() DESC, g", f"LIMIT {query.limit}")
    found = rows(select([value.as_("g")], "calls", scope.within(time), scope.project, *tail))
    return [row[0] for row in found]


def _row(row: Sequence[Any], *, timed: bool) -> LatencyRow:
    start, group, requests, latency_us, ttft_us = row
    return LatencyRow(
        group=group,
        time=datetime.fromtimestamp(start, UTC) if timed else None,
        requests=requests,
        latency_ms=quantiles(latency_us),
        ttft_ms=quantiles(ttft_us),
    )
