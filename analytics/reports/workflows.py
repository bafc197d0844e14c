"""Workflows: calls by the property `Workflow` and its `Step`, or by the session's name and path."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel, Totals, Usd
from tallygate.analytics.reports.dimensions import STEP, WORKFLOW
from tallygate.analytics.reports.sums import Group, sums, totals, usd
from tallygate.analytics.reports.tree import Step, step_tree
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, select


class WorkflowsQuery(ApiModel):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50


class Workflow(Totals):
    """A workflow, and what one run of it costs."""

    name: str
    runs: int
    """Sessions; 0 if its calls name none."""
    steps: int
    cost_nanos_per_run: int | None
    """The mean, rounded; null without sessions. Over the calls that name a session."""
    cost_usd_per_run: Usd | None


class Workflows(ApiModel):
    """The costliest first."""

    workflows: list[Workflow]
    truncated: bool


class WorkflowDetail(ApiModel):
    """A workflow and the tree of its steps, with the cost of each."""

    workflow: Workflow
    root: Step


_NAMED = Clause(f"{WORKFLOW} != ''", {})
_ABOUT = (
    "uniqExactIf(session_id, session_id != '')",
    f"uniqExactIf({STEP}, {STEP} != '')",
    "sumIf(cost_nanos, session_id != '')",
)


def read_workflows(rows: Rows, scope: Scope, query: WorkflowsQuery) -> Workflows:
    """Read the list."""
    scope = scope.and_(_NAMED)
    order = f"ORDER BY ifNull(t_cost, 0) DESC, t_requests DESC, g0 LIMIT {query.limit + 1}"
    found = rows(sums([Group(Clause(WORKFLOW, {}))], scope.within(), scope.project, order))
    shown = found[: query.limit]
    about = _about(rows, scope, [row[0] for row in shown])
    return Workflows(
        workflows=[_workflow(row, about[row[0]]) for row in shown if row[0] in about],
        truncated=len(found) > query.limit,
    )


def read_workflow(rows: Rows, scope: Scope, name: str) -> WorkflowDetail | None:
    """Read one; None without calls in the period."""
    scope = scope.and_(Clause(f"{WORKFLOW} = {{workflow:String}}", {"workflow": name}))
    found = rows(sums([Group(Clause(WORKFLOW, {}))], scope.within(), scope.project, ""))
    if not found:
        return None
    about = _about(rows, scope, [name])
    steps = rows(sums([Group(Clause(STEP, {}))], scope.within(), scope.project, ""))
    by_path = sorted(steps, key=lambda row: row[0].strip("/"))
    root = step_tree({row[0]: totals(row[1:]) for row in by_path}, {})
    return WorkflowDetail(workflow=_workflow(found[0], about[name]), root=root)


def _about(rows: Rows, scope: Scope, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    among = Clause(f"{WORKFLOW} IN {{names:Array(String)}}", {"names": list(names)})
    columns = [f"{WORKFLOW} AS name", *_ABOUT]
    found = rows(select(columns, "calls", [*scope.within(), among], scope.project, "GROUP BY name"))
    return {row[0]: row[1:] for row in found}


def _workflow(row: Sequence[Any], about: Sequence[Any]) -> Workflow:
    runs, steps, cost = about
    per_run = round((cost or 0) / runs) if runs else None
    return Workflow(
        **dict(totals(row[1:])),
        name=row[0],
        runs=runs,
        steps=steps,
        cost_nanos_per_run=per_run,
        cost_usd_per_run=None if per_run is None else usd(per_run),
    )
