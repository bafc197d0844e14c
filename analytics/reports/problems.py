"""`GET /api/v1/errors`: what went wrong, grouped by kind; messages that differ in ids and numbers are one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, select

MESSAGE = r"replaceRegexpAll(leftUTF8(error_message, 300), '[0-9a-fA-F-]{8,}|[0-9]+', '…')"


class ErrorsQuery(ApiModel):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50


class ErrorGroup(ApiModel):
    """Calls that failed, or were refused, in the same way."""

    outcome: str
    status: int
    error_code: str
    provider: str
    model: str
    message: str
    """With … for numbers and ids."""
    requests: int
    users: int
    """End users, about (a HyperLogLog count)."""
    first_seen: datetime
    last_seen: datetime
    latest_request_id: str


class ErrorReport(ApiModel):
    """The most frequent first."""

    errors: list[ErrorGroup]
    truncated: bool
    failed: int
    """Calls that failed or were refused, of all groups."""


_GROUP = ("outcome", "status", "error_code", "provider", "model", "message")
_COLUMNS = (
    *("outcome", "status", "error_code", "provider", "model"),
    f"{MESSAGE} AS message",
    "count() AS n",
    "uniqCombined(user_id)",
    "min(received_at)",
    "max(received_at) AS latest",
    "argMax(request_id, received_at)",
    "sum(count()) OVER ()",
)


def read_errors(rows: Rows, scope: Scope, query: ErrorsQuery) -> ErrorReport:
    """Read the groups."""
    failed = Clause("outcome NOT IN ('ok', 'cache_hit')", {})
    tail = f"GROUP BY {', '.join(_GROUP)} ORDER BY n DESC, latest DESC LIMIT {query.limit + 1}"
    found = rows(select(_COLUMNS, "calls", [*scope.within(), failed], scope.project, tail))
    groups = [_group(row) for row in found[: query.limit]]
    return ErrorReport(errors=groups, truncated=len(found) > query.limit, failed=found[0][-1] if found else 0)


def _group(row: Sequence[Any]) -> ErrorGroup:
    return ErrorGroup(**dict(zip(ErrorGroup.model_fields, row[:-1], strict=True)))
