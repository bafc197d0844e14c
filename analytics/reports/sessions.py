"""Sessions (agents' runs): a list, and one of them as the tree of its steps."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel, CallSummary, Totals
from tallygate.analytics.reports.sums import Group, sums, totals
from tallygate.analytics.reports.tree import Step, step_tree
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.order import Order
from tallygate.analytics.requests.search import Search, read_page
from tallygate.analytics.requests.statement import Rows, over, select

MAX_CALLS = 1000
"""Of a session, told one by one; sums are over all."""


class SessionsQuery(ApiModel):
    """Order and page."""

    sort: Literal["latest", "cost", "requests", "duration"] = "latest"
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0


class SessionSummary(Totals):
    """A session, as far as it is in the period."""

    session_id: str
    name: str
    users: list[str]
    """Up to five."""
    models: list[str]
    """Up to five."""
    first_at: datetime
    last_at: datetime
    """The end of the last call."""
    duration_ms: float
    """From the first call's arrival to the last one's end."""


class SessionPage(ApiModel):
    """Sessions in the order asked for."""

    sessions: list[SessionSummary]
    count: int
    next_offset: int | None


class SessionDetail(ApiModel):
    """A session in full, whatever the period."""

    session: SessionSummary
    root: Step
    calls: list[CallSummary]
    """In the order of their arrival."""
    truncated: bool
    """Whether there are more calls than are told here; sums are over all."""


_ORDERS = {
    "latest": "max(ended_at) DESC",
    "cost": "ifNull(sum(cost_nanos), 0) DESC",
    "requests": "count() DESC",
    "duration": "dateDiff('microsecond', min(received_at), max(ended_at)) DESC",
}
_ABOUT = (
    "anyLast(session_name)",
    "groupUniqArrayIf(5)(user_id, user_id != '')",
    "groupUniqArrayIf(5)(model, model != '')",
    "min(received_at)",
    "max(ended_at)",
)
_SUMS = (
    "countIf(outcome NOT IN ('ok', 'cache_hit'))",
    "count()",
    "countIf(NOT priced)",
    "sum(cost_nanos)",
    "sum(input_tokens)",
    "sum(output_tokens)",
    "sum(cached_input_tokens)",
    "sum(cache_write_tokens)",
    "sum(reasoning_tokens)",
    "sum(latency_us)",
    "max(latency_us)",
)
_NAMED = Clause("session_id != ''", {})


def read_sessions(rows: Rows, scope: Scope, query: SessionsQuery) -> SessionPage:
    """Read a page of sessions."""
    clauses = [*scope.within(), _NAMED]
    # Which ones: from the projection `daily_sessions`. What is told of them: from their calls.
    by_day = [*scope.by_day(), _NAMED]
    grouped = select(["session_id"], "calls", by_day, scope.project, "GROUP BY session_id")
    ((count,),) = rows(over(grouped, ["count()"]))
    tail = f"GROUP BY session_id ORDER BY {_ORDERS[query.sort]}, session_id"
    cut = f"LIMIT {query.limit} OFFSET {query.offset}"
    page = select(["session_id"], "calls", by_day, scope.project, tail, cut)
    names = [row[0] for row in rows(page)]
    among = Clause("session_id IN {names:Array(String)}", {"names": names})
    columns = ["session_id", *_ABOUT, *_SUMS]
    found = rows(select(columns, "calls", [*clauses, among], scope.project, "GROUP BY session_id"))
    by_name = {row[0]: _summary(row) for row in found} if names else {}
    end = query.offset + len(names)
    return SessionPage(
        sessions=[by_name[name] for name in names if name in by_name],
        count=count,
        next_offset=end if end < count else None,
    )


def read_session(rows: Rows, project: str, session_id: str) -> SessionDetail | None:
    """Read one session; None if it has no calls."""
    mine = [Clause("session_id = {session:String}", {"session": session_id})]
    found = rows(select(["session_id", *_ABOUT, *_SUMS], "calls", mine, project, "GROUP BY session_id"))
    if not found:
        return None
    steps = rows(sums([Group(Clause("session_path", {}))], mine, project, "ORDER BY g0"))
    page = read_page(rows, Search(project, tuple(mine), Order(descending=False), MAX_CALLS))
    ids: dict[str, list[str]] = {}
    for call in page.requests:
        ids.setdefault(call.session_path, []).append(call.request_id)
    own = {row[0]: totals(row[1:]) for row in steps}
    in_order = {path: own[path] for path in (*ids, *own) if path in own}
    return SessionDetail(
        session=_summary(found[0]),
        root=step_tree(in_order, ids),
        calls=page.requests,
        truncated=page.next_cursor is not None,
    )


def _summary(row: Sequence[Any]) -> SessionSummary:
    session_id, name, users, models, first_at, last_at, *rest = row
    return SessionSummary(
        **dict(totals(rest)),
        session_id=session_id,
        name=name,
        users=sorted(users),
        models=sorted(models),
        first_at=first_at,
        last_at=last_at,
        duration_ms=(last_at - first_at).total_seconds() * 1000,
    )
