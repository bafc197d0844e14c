"""`GET /api/v1/usage/series`: sums over time, of the largest groups and of all others together."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel, Totals
from tallygate.analytics.reports.buckets import Buckets, Interval, Zone, by_bucket, column_of_time, cut
from tallygate.analytics.reports.dimensions import DAILY, HOURLY, Dimension, column
from tallygate.analytics.reports.sums import METRICS, WIDTH, Group, Metric, sums, totals
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, Statement
from tallygate.schemas.times import US_PER_SECOND

MAX_GROUPS = 50


class SeriesQuery(ApiModel):
    """How a period is cut, and calls are grouped."""

    interval: Interval = "day"
    tz: Zone = "UTC"
    """Where days, weeks (from Monday) and months begin."""
    by: Dimension | None = None
    """Without: one series of all calls."""
    top: Annotated[int, Field(ge=1, le=MAX_GROUPS)] = 10
    """How many groups have a series of their own; the others have one together."""
    metric: Metric = "cost"
    """What makes a group one of the top."""


class Series(ApiModel):
    """The sums of one group, over time."""

    group: str
    """The dimension's value, empty for calls that have none."""
    other: bool
    """Whether these are the groups that are not among the top."""
    total: Totals
    points: list[Totals]
    """One for each of `times`."""


class SeriesAnswer(ApiModel):
    """Series over the same times."""

    times: list[datetime]
    """When each part of the period begins; the first may do so before the period."""
    series: list[Series]
    """The largest first, others last."""
    total: Totals


class _Asked(NamedTuple):
    scope: Scope
    query: SeriesQuery
    buckets: Buckets


def read_series(rows: Rows, scope: Scope, query: SeriesQuery) -> SeriesAnswer:
    """Read the series."""
    asked = _Asked(scope, query, cut(scope, query.interval, query.tz))
    top = _top(rows, asked) if query.by is not None else []
    found = rows(_points(asked, top))
    (whole,) = rows(sums([], scope.within(_column(asked)), scope.project, ""))
    series = _series(asked, top, found)
    times = [datetime.fromtimestamp(start / US_PER_SECOND, UTC) for start in asked.buckets.starts_us]
    return SeriesAnswer(times=times, series=series, total=totals(whole))


def _column(asked: _Asked) -> str:
    by = {asked.query.by} if asked.query.by is not None else set()
    filtered = any("user_id" in clause.sql for clause in asked.scope.clauses)
    daily = by <= DAILY and (filtered or by == {"user"})
    return column_of_time(asked.scope, asked.buckets, daily=daily, hourly=by <= HOURLY)


def _top(rows: Rows, asked: _Asked) -> list[str]:
    order = f"ORDER BY {METRICS[asked.query.metric]} DESC, g0 LIMIT {asked.query.top}"
    group = Group(column(asked.query.by or "", "d0"))
    found = rows(sums([group], asked.scope.within(_column(asked)), asked.scope.project, order))
    return [row[0] for row in found]


def _points(asked: _Asked, top: Sequence[str]) -> Statement:
    time = _column(asked)
    groups = [by_bucket(asked.buckets, time)]
    if asked.query.by is not None:
        groups.append(Group(column(asked.query.by, "d0"), lambda value: _place(value, top)))
    return sums(groups, asked.scope.within(time), asked.scope.project, "")


def _place(value: str, top: Sequence[str]) -> Clause:
    """The place of a value among the top ones, counted from 1; 0 for others."""
    return Clause(f"indexOf({{top:Array(String)}}, {value})", {"top": list(top)})


def _series(asked: _Asked, top: Sequence[str], found: Sequence[Sequence[Any]]) -> list[Series]:
    """`found` has a row for each time and place in `top`, counted from 1, with 0 for others."""
    grouped = asked.query.by is not None
    width = 2 if grouped else 1
    points: dict[int, dict[int, Totals]] = {}
    for row in found:
        place = row[1] if grouped else 0
        points.setdefault(place, {})[int(row[0]) * US_PER_SECOND] = totals(row[width:])
    places = [*range(1, len(top) + 1), *([0] if 0 in points or not grouped else [])]
    return [
        _one(asked.buckets, top[place - 1] if place else "", grouped and not place, points.get(place, {}))
        for place in places
    ]


def _one(buckets: Buckets, group: str, other: bool, points: dict[int, Totals]) -> Series:
    dense = [points.get(start, NOTHING) for start in buckets.starts_us]
    return Series(group=group, other=other, total=added(dense), points=dense)


NOTHING = totals((0,) * WIDTH)
_ADDED = (
    *("requests", "errors", "unpriced", "cost_nanos", "cost_usd", "input_tokens", "output_tokens"),
    *("cached_input_tokens", "cache_write_tokens", "reasoning_tokens"),
)


def added(parts: Sequence[Totals]) -> Totals:
    """The sums of sums."""
    sum_of: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in _ADDED}
    requests = sum_of["requests"]
    latency_ms = sum((part.latency_ms_avg or 0) * part.requests for part in parts)
    slowest = [part.latency_ms_max for part in parts if part.latency_ms_max is not None]
    return Totals(
        **sum_of,
        error_rate=sum_of["errors"] / requests if requests else None,
        latency_ms_avg=latency_ms / requests if requests else None,
        latency_ms_max=max(slowest, default=None),
    )
