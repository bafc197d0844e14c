"""Rate limits: who was throttled, by providers and by the gateway itself, and what providers say is left."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.feedback.report import said_of
from tallygate.analytics.models import ApiModel
from tallygate.analytics.reports.buckets import Interval, Zone, cut
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, select

MAX_ROWS = 10_000


class LimitsQuery(ApiModel):
    """How the period is cut."""

    interval: Interval = "hour"
    tz: Zone = "UTC"
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = MAX_ROWS
    """Of rows over time."""


class Throttling(ApiModel):
    """What was throttled in a part of the period."""

    time: datetime
    provider: str
    """Who throttled; empty for the gateway's own limits."""
    tries: int
    """Tries that the provider answered with 429, or calls that the gateway refused."""


class ThrottledKey(ApiModel):
    """A gateway key whose calls were throttled."""

    key_id: str
    provider: str
    model: str
    tries: int
    last_at: datetime


class ThrottlingReport(ApiModel):
    """Throttling over time, and by key."""

    total_tries: int
    """By providers, and refused by the gateway."""
    over_time: list[Throttling]
    """Only where there was any; by time."""
    by_key: list[ThrottledKey]
    """The most throttled first, at most 100."""
    truncated: bool
    """Whether `over_time` has only the first rows."""


class Capacity(ApiModel):
    """What a provider said, in its headers, is left."""

    time: datetime
    """Of a part of the period its beginning; of the latest word, when the call arrived."""
    provider: str
    model: str
    key_id: str
    limit_requests: int | None
    remaining_requests: int | None
    """Over time, the least."""
    limit_tokens: int | None
    remaining_tokens: int | None
    reset_requests: str
    """As the provider says it; over time empty."""
    reset_tokens: str


class CapacityReport(ApiModel):
    """By provider, model and gateway key."""

    latest: list[Capacity]
    over_time: list[Capacity]
    truncated: bool
    """Whether `over_time` has only the first rows."""


def read_throttling(rows: Rows, scope: Scope, query: LimitsQuery) -> ThrottlingReport:
    """Read who was throttled."""
    bucket = cut(scope, query.interval, query.tz).of("received_at")
    throttled = [*said_of(scope), Clause("(throttled > 0 OR refused)", {})]
    # A call that was refused by the gateway has no provider that throttled it.
    by = "arrayJoin(if(refused, arrayPushBack(throttled_by, ''), throttled_by)) AS by"
    tail = f"GROUP BY t, by ORDER BY t, by LIMIT {query.limit + 1}"
    found = rows(select([bucket.as_("t"), by, "count()"], "rate_limits", throttled, scope.project, tail))
    columns = ["key_id", by, "model", "count() AS n", "max(received_at)"]
    tail = "GROUP BY key_id, by, model ORDER BY n DESC, key_id, by, model LIMIT 100"
    keys = rows(select(columns, "rate_limits", throttled, scope.project, tail))
    ((total,),) = rows(select(["sum(throttled) + countIf(refused)"], "rate_limits", throttled, scope.project))
    return ThrottlingReport(
        total_tries=total,
        over_time=[
            Throttling(time=datetime.fromtimestamp(start, UTC), provider=provider, tries=tries)
            for start, provider, tries in found[: query.limit]
        ],
        by_key=[ThrottledKey(**dict(zip(ThrottledKey.model_fields, row, strict=True))) for row in keys],
        truncated=len(found) > query.limit,
    )


_NAMES = ("provider", "model", "key_id")
_AMOUNTS = ("limit_requests", "remaining_requests", "limit_tokens", "remaining_tokens")
_TOLD = Clause("(isNotNull(remaining_requests) OR isNotNull(remaining_tokens))", {})


def read_capacity(rows: Rows, scope: Scope, query: LimitsQuery) -> CapacityReport:
    """Read what is left."""
    bucket = cut(scope, query.interval, query.tz).of("received_at")
    clauses = [*said_of(scope), _TOLD]
    by = ", ".join(_NAMES)
    last = [f"argMax(tuple({name}), received_at).1" for name in (*_AMOUNTS, "reset_requests", "reset_tokens")]
    tail = f"GROUP BY {by} ORDER BY {by} LIMIT 1000"
    latest = rows(select(["max(received_at)", *_NAMES, *last], "rate_limits", clauses, scope.project, tail))
    least = ["max(limit_requests)", "min(remaining_requests)", "max(limit_tokens)", "min(remaining_tokens)"]
    tail = f"GROUP BY t, {by} ORDER BY t, {by} LIMIT {query.limit + 1}"
    over_time = rows(select([bucket.as_("t"), *_NAMES, *least], "rate_limits", clauses, scope.project, tail))
    return CapacityReport(
        latest=[_capacity(row) for row in latest],
        over_time=[
            _capacity((datetime.fromtimestamp(row[0], UTC), *row[1:], "", ""))
            for row in over_time[: query.limit]
        ],
        truncated=len(over_time) > query.limit,
    )


def _capacity(row: Sequence[Any]) -> Capacity:
    return Capacity(**dict(zip(Capacity.model_fields, row, strict=True)))
