"""`GET /api/v1/feedback` and `/scores`: what is said of the calls of a period, by group."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, Statement, select

GroupedBy = Literal["model", "provider", "user", "prompt", "prompt_version"]
_COLUMNS: dict[GroupedBy | None, str] = {
    None: "''",
    "model": "model",
    "provider": "provider",
    "user": "user_id",
    "prompt": "prompt_id",
    "prompt_version": "prompt_version",
}
_LIMIT = Field(ge=1, le=1000)


class SaidQuery(ApiModel):
    """How it is grouped."""

    by: GroupedBy | None = None
    limit: Annotated[int, _LIMIT] = 100


class FeedbackGroup(ApiModel):
    """Ratings of the calls of a group."""

    group: str
    up: int
    down: int
    up_rate: float
    """Of all ratings."""


class FeedbackReport(ApiModel):
    """The most rated first."""

    groups: list[FeedbackGroup]


class ScoreGroup(ApiModel):
    """One score, of the calls of a group."""

    group: str
    name: str
    count: int
    mean: float
    min: float
    median: float
    max: float


class ScoreReport(ApiModel):
    """By name, the most frequent group first."""

    groups: list[ScoreGroup]


def read_feedback(rows: Rows, scope: Scope, query: SaidQuery) -> FeedbackReport:
    """Count the ratings."""
    columns = [f"toString({_COLUMNS[query.by]}) AS g", "countIf(rating = 1) AS up", "countIf(rating = -1)"]
    given = Clause("rating != 0", {})
    tail = f"GROUP BY g ORDER BY count() DESC, g LIMIT {query.limit}"
    found = rows(select(columns, "feedback", [*said_of(scope), given], scope.project, tail))
    groups = [
        FeedbackGroup(group=group, up=up, down=down, up_rate=up / (up + down)) for group, up, down in found
    ]
    return FeedbackReport(groups=groups)


def read_scores(rows: Rows, scope: Scope, query: SaidQuery) -> ScoreReport:
    """Sum up the scores."""
    columns = [f"toString({_COLUMNS[query.by]}) AS g", "name", "count() AS n", "avg(value)"]
    columns += ["min(value)", "quantileTDigest(0.5)(value)", "max(value)"]
    tail = f"GROUP BY name, g ORDER BY name, n DESC, g LIMIT {query.limit}"
    found = rows(select(columns, "scores", said_of(scope), scope.project, tail))
    return ScoreReport(groups=[_score(row) for row in found])


def said_of(scope: Scope) -> list[Clause]:
    """Period and filters, for views that have the call's time and id but not all of its columns."""
    period = scope._replace(clauses=()).within()
    if not scope.clauses:
        return period
    meant: Statement = select(["received_at", "request_id"], "calls", scope.within(), scope.project)
    values = {name: value for name, value in meant.values.items() if name != "project"}
    return [*period, Clause(f"(received_at, request_id) IN ({meant.sql})", values)]


def _score(row: Sequence[Any]) -> ScoreGroup:
    return ScoreGroup(**dict(zip(ScoreGroup.model_fields, row, strict=True)))
