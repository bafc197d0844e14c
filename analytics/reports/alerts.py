"""`GET /api/v1/alerts`: what was told of rules, the latest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from tallygate.analytics.api.operation import json_answer, reading
from tallygate.analytics.api.scope import parse_query
from tallygate.analytics.keys import project_of
from tallygate.analytics.models import ApiModel
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.filters import Filters, time_clauses
from tallygate.analytics.requests.query import Time
from tallygate.analytics.requests.statement import Rows, select
from tallygate.schemas.times import parse_time_us, text_of

State = Literal["firing", "resolved"]


class AlertsQuery(ApiModel):
    """Which alerts, and the page."""

    rule: Annotated[str | None, Field(max_length=64)] = None
    """Id of a rule."""
    state: State | None = None
    from_: Annotated[Time | None, Field(alias="from")] = None
    to: Time | None = None
    """Excluded."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,16}-[0-9a-f-]{1,64}$")] = None
    """Where the page before ended."""


class AlertTold(ApiModel):
    """A threshold that was crossed, or is no longer.

    Amounts are in the metric's unit: nano-dollars, a number of calls or tokens, microseconds, or parts per
    million.
    """

    alert_id: str
    raised_at: datetime
    """When it was noticed."""
    rule_id: str
    name: str
    """Of the rule, then."""
    state: State
    kind: Literal["threshold", "projected", "anomaly"]
    metric: str
    direction: Literal["above", "below"]
    action: Literal["notify", "warn", "block"]
    group_by: str
    """What the group is a value of: empty, `user`, `key`, `model`, `provider` or `property.<name>`."""
    group: str
    period_start: datetime
    period_end: datetime
    window: str
    """`hour`, `day`, `week` or `month`; of a sliding window its length, as `3600s`."""
    time_zone: str
    threshold: int
    """What was crossed."""
    threshold_percent: int
    """The same as a part of the limit; of an anomaly, of the baseline."""
    limit: int | None
    """None of an anomaly."""
    value: int
    projected: int | None
    """Of `projected`: the value at the period's end, if it went on so."""
    baseline: int | None
    """Of `anomaly`: the same hour's mean over past weeks."""
    requests: int
    """In the window."""
    notify: bool
    """False: nobody was told, for the rule was muted, or its ends are not told."""
    resolves: str
    """Of a resolved alert, the id of the firing one."""


class AlertPage(ApiModel):
    """The latest first."""

    alerts: list[AlertTold]
    next_cursor: str | None


_RENAMED = {"group": "group_value", "window": "time_window", "limit": "limit_value"}
_FIELDS = tuple(AlertTold.model_fields)
_COLUMNS = (*(_RENAMED.get(name, name) for name in _FIELDS), "toUnixTimestamp64Micro(raised_at)")
_ORDER = "ORDER BY raised_at DESC, alert_id DESC"


async def get_alerts(request: web.Request) -> web.Response:
    """`GET /api/v1/alerts`."""
    query = parse_query(list(request.query.items()), AlertsQuery, scoped=False)
    project = project_of(request)
    return json_answer(await reading(request, lambda rows: read_alerts(rows, project, query)))


def read_alerts(rows: Rows, project: str, query: AlertsQuery) -> AlertPage:
    """Read a page."""
    tail = f"{_ORDER} LIMIT {query.limit + 1}"
    found = rows(select(_COLUMNS, "alerts", _clauses(query), project, tail))
    told = [AlertTold(**dict(zip(_FIELDS, row[:-1], strict=True))) for row in found[: query.limit]]
    more = len(found) > query.limit
    return AlertPage(alerts=told, next_cursor=_cursor(found[query.limit - 1]) if more else None)


def _clauses(query: AlertsQuery) -> list[Clause]:
    begin, end = (None if text is None else parse_time_us(text) for text in (query.from_, query.to))
    clauses = time_clauses(Filters((), begin, end), "raised_at")
    if query.rule is not None:
        clauses.append(Clause("rule_id = {rule:String}", {"rule": query.rule}))
    if query.state is not None:
        clauses.append(Clause("state = {state:String}", {"state": query.state}))
    if query.cursor is not None:
        at_us, _, alert_id = query.cursor.partition("-")
        after = {"at": text_of(int(at_us)), "id": alert_id}
        clauses.append(Clause("(raised_at, alert_id) < ({at:DateTime64(6, 'UTC')}, {id:String})", after))
    return clauses


def _cursor(row: Sequence[Any]) -> str:
    return f"{row[-1]}-{row[_FIELDS.index('alert_id')]}"
