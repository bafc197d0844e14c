"""The groups of one dimension compared: users, models, providers, keys, values of a property …"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel, Totals
from tallygate.analytics.reports.dimensions import HOURLY, column
from tallygate.analytics.reports.quantiles import Quantiles, quantiles, quantiles_sql
from tallygate.analytics.reports.sums import METRICS, WIDTH, Group, sums, totals
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, Statement, over, select
from tallygate.schemas.filter_fields import PROPERTY_PREFIX

MAX_OFFSET = 100_000
Sort = Literal["cost", "requests", "errors", "error_rate", "tokens", "latency", "first_seen", "last_seen"]


class ComparedQuery(ApiModel):
    """Order and page; the largest or latest first."""

    sort: Sort = "cost"
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0
    search: Annotated[str, Field(max_length=256)] = ""
    """Only groups whose name contains this, whatever the case."""


class Compared(Totals):
    """One group."""

    name: str
    """Empty for calls that have none."""
    share: float | None
    """Of the cost of all groups, 0 to 1; null if that is nothing."""
    users: int
    """End users, about (a HyperLogLog count)."""
    first_seen: datetime | None
    last_seen: datetime | None
    """Within the period."""
    latency_ms: Quantiles
    ttft_ms: Quantiles
    output_tokens_per_s: float | None
    """From the first byte to the last one, of answers that came as a stream."""


class Comparison(ApiModel):
    """A page of groups."""

    groups: list[Compared]
    count: int
    """Of groups in all."""
    next_offset: int | None
    total: Totals
    """Over all groups."""


_DETAILS = (
    "min(received_at)",
    "max(received_at)",
    "uniqCombined(user_id)",
    quantiles_sql("latency_us"),
    quantiles_sql("ttft_us"),
    "sumIf(output_tokens, stream AND ttft_us < latency_us)",
    "sumIf(latency_us - ifNull(ttft_us, 0), stream AND ttft_us < latency_us)",
)
_NO_DETAILS = (None, None, 0, (), (), 0, 0)


def compare(rows: Rows, scope: Scope, dimension: str, query: ComparedQuery) -> Comparison:
    """Read a page of groups, and all about them."""
    value = column(dimension, "d0")
    if query.search:
        found = Clause(f"positionCaseInsensitiveUTF8({value.sql}, {{search:String}}) > 0", value.values)
        scope = scope.and_(found._replace(values=value.values | {"search": query.search}))
    (whole,) = rows(sums([], scope.by_hour(), scope.project, ""))
    count, page = _page(rows, scope, dimension, query)
    total = totals(whole)
    details = _details(rows, scope, value, [row[0] for row in page])
    groups = [_compared(row, details.get(row[0], _NO_DETAILS), total) for row in page]
    end = query.offset + len(groups)
    return Comparison(groups=groups, count=count, next_offset=end if end < count else None, total=total)


def period_of(scope: Scope, dimension: str) -> list[Clause]:
    """The scope, as the projection with that dimension answers it."""
    if dimension == "user" or dimension.startswith(PROPERTY_PREFIX):
        return scope.by_day()
    return scope.by_hour() if dimension in HOURLY else scope.within()


def _page(
    rows: Rows, scope: Scope, dimension: str, query: ComparedQuery
) -> tuple[int, Sequence[Sequence[Any]]]:
    """How many groups there are, and the sums of those on the page, by name."""
    group, clauses = Group(column(dimension, "d0")), period_of(scope, dimension)
    flat = _flat(scope, dimension, group.inner)
    count = _count(rows, sums([group], clauses, scope.project, "", flat=flat))
    cut = f"LIMIT {query.limit} OFFSET {query.offset}"
    if query.sort != "first_seen" and query.sort != "last_seen":
        order = f"ORDER BY {METRICS[query.sort]} DESC, t_requests DESC, g0 {cut}"
        return count, rows(sums([group], clauses, scope.project, order, flat=flat))
    # The sums are asked for the names on the page only.
    aggregate = "min" if query.sort == "first_seen" else "max"
    order = f"GROUP BY g0 ORDER BY {aggregate}(received_at) DESC, g0 {cut}"
    named = select([group.inner.as_("g0")], "calls", clauses, scope.project, order)
    names = [row[0] for row in rows(named)]
    wanted = [*clauses, _among(group.inner, names)]
    by_name = {row[0]: row for row in rows(sums([group], wanted, scope.project, "", flat=flat))}
    return count, [by_name[name] for name in names if name in by_name]


def _flat(scope: Scope, dimension: str, value: Clause) -> bool:
    """Whether a projection without outcomes has it: only if nothing else is asked of the calls."""
    alone = all(value.sql in clause.sql for clause in scope.clauses)
    return alone and (dimension == "user" or dimension.startswith(PROPERTY_PREFIX))


def _count(rows: Rows, grouped: Statement) -> int:
    ((count,),) = rows(over(grouped, ["count()"]))
    return int(count)


def _details(rows: Rows, scope: Scope, value: Clause, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    if not names:
        return {}
    clauses = [*scope.by_day(), _among(value, names)]
    found = rows(select([value.as_("g0"), *_DETAILS], "calls", clauses, scope.project, "GROUP BY g0"))
    return {row[0]: row[1:] for row in found}


def _among(value: Clause, names: Sequence[str]) -> Clause:
    return Clause(f"{value.sql} IN {{names:Array(String)}}", value.values | {"names": list(names)})


def _compared(row: Sequence[Any], details: Sequence[Any], total: Totals) -> Compared:
    own = totals(row[1 : 1 + WIDTH])
    first_seen, last_seen, users, latency_us, ttft_us, streamed, streaming_us = details
    return Compared(
        **dict(own),
        name=row[0],
        share=own.cost_nanos / total.cost_nanos if total.cost_nanos else None,
        users=users,
        first_seen=first_seen,
        last_seen=last_seen,
        latency_ms=quantiles(latency_us),
        ttft_ms=quantiles(ttft_us),
        output_tokens_per_s=streamed * 1_000_000 / streaming_us if streaming_us else None,
    )
