"""`GET /api/v1/usage`: sums by dimension.

The sums are written so that ClickHouse answers them from the projections `hourly`, `daily_by_user` and
`daily_users` of `call_log` whenever times and dimensions allow it: a time on a whole hour is compared as
`toStartOfHour`, which the projection holds, and not as the time itself, which it does not.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.models import UsageReport, UsageRow
from tallygate.analytics.reports.sums import Group, sums, totals
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.filters import Filters, Pairs, is_filter, parse_filters, time_clauses
from tallygate.analytics.requests.listing import parse_limit
from tallygate.analytics.requests.statement import Statement
from tallygate.schemas.filter_fields import MAX_PROPERTY_CHARS, PROPERTY_PREFIX

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_DIMENSIONS = 4
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_DIMENSIONS = {
    "model": "model",
    "provider": "provider",
    "user": "user_id",
    "key": "key_id",
    "endpoint": "endpoint",
    "outcome": "outcome",
    "session": "session_id",
    "hour": "toStartOfHour(received_at)",
    "day": "toStartOfDay(received_at)",
}
_BY_TIME = ("hour", "day")


class Report(NamedTuple):
    """A report that was asked for."""

    dimensions: tuple[str, ...]
    groups: Statement
    total: Statement
    limit: int


def report_of(pairs: Pairs, project: str) -> Report:
    """Read a query string.

    Raises:
        RequestError: 400 that names the parameter.
    """
    for name, _value in pairs:
        if not is_filter(name) and name not in {"limit", "by"}:
            raise bad_parameter(name, "is not a parameter of this request")
    dimensions = _dimensions(pairs)
    filters = parse_filters(pairs)
    limit = parse_limit(pairs, DEFAULT_LIMIT, MAX_LIMIT)
    clauses = [*filters.clauses, *_time_clauses(filters, dimensions)]
    # By user alone, failed calls are counted as the projection `daily_users` has them.
    flat = "user" in dimensions and set(dimensions) <= {"user", "day"} and not filters.clauses
    total = sums([], clauses, project, "", flat=flat)
    if not dimensions:
        return Report((), total, total, limit)
    columns = [Group(_column(dimension, index)) for index, dimension in enumerate(dimensions)]
    times = [f"g{index} DESC" for index, dimension in enumerate(dimensions) if dimension in _BY_TIME]
    order = ", ".join([*times, "t_cost DESC", "t_requests DESC", *(f"g{i}" for i in range(len(columns)))])
    groups = sums(columns, clauses, project, f"ORDER BY {order} LIMIT {limit + 1}", flat=flat)
    return Report(dimensions, groups, total, limit)


def report(asked: Report, groups: Sequence[Sequence[Any]], total: Sequence[Sequence[Any]]) -> UsageReport:
    """The rows of the report's statements as a model."""
    rows = [_row(asked.dimensions, row) for row in groups[: asked.limit]]
    return UsageReport(rows=rows, total=_row((), total[0]), truncated=len(groups) > asked.limit)


def _dimensions(pairs: Pairs) -> tuple[str, ...]:
    texts = [text for name, value in pairs if name == "by" for text in value.split(",")]
    for text in texts:
        if text.startswith(PROPERTY_PREFIX):
            if not 1 <= len(text.removeprefix(PROPERTY_PREFIX)) <= MAX_PROPERTY_CHARS:
                raise bad_parameter("by", f"a property's name has 1 to {MAX_PROPERTY_CHARS} characters")
        elif text not in _DIMENSIONS:
            raise bad_parameter("by", f"is not one of {', '.join(_DIMENSIONS)} or property.<name>")
    dimensions = tuple(dict.fromkeys(texts))
    if len(dimensions) > MAX_DIMENSIONS:
        raise bad_parameter("by", f"has more than {MAX_DIMENSIONS} dimensions")
    return dimensions


def _column(dimension: str, index: int) -> Clause:
    if dimension in _DIMENSIONS:
        return Clause(_DIMENSIONS[dimension], {})
    key = f"d{index}"
    return Clause(f"properties[{{{key}:String}}]", {key: dimension.removeprefix(PROPERTY_PREFIX).lower()})


def _time_clauses(filters: Filters, dimensions: Sequence[str]) -> list[Clause]:
    bounds = [bound for bound in (filters.from_us, filters.to_us) if bound is not None]
    by_user = "user" in dimensions or any("user_id" in clause.sql for clause in filters.clauses)
    by_day = by_user or "day" in dimensions
    if by_day and all(bound % _DAY_US == 0 for bound in bounds):
        return time_clauses(filters, "toStartOfDay(received_at)")
    if not by_day and all(bound % _HOUR_US == 0 for bound in bounds):
        return time_clauses(filters, "toStartOfHour(received_at)")
    return time_clauses(filters)


def _row(dimensions: Sequence[str], row: Sequence[Any]) -> UsageRow:
    width = len(dimensions)
    group = {name: _text(value) for name, value in zip(dimensions, row[:width], strict=True)}
    return UsageRow(group=group, **dict(totals(row[width:])))


def _text(value: Any) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
