"""`GET /api/v1/budgets`: how every rule in force stands now, live from the accounting's own sums."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from tallygate.analytics.api.operation import json_answer
from tallygate.analytics.api.scope import parse_query
from tallygate.analytics.errors import RequestError
from tallygate.analytics.keys import EXECUTOR, project_of
from tallygate.analytics.models import ApiModel
from tallygate.schemas.rules import Rule


class GroupStanding(ApiModel):
    """One group of a rule, in the present period or window.

    Amounts are in the metric's unit: nano-dollars, a number of calls or tokens, microseconds, or parts per
    million.
    """

    group: str
    """Empty if the rule has no groups."""
    value: int | None
    """None: there is nothing to measure."""
    percent: float | None
    """Of the limit; None of an anomaly."""
    projected: int | None
    """Of `projected`: the value at the period's end, if it goes on so."""
    baseline: int | None
    """Of `anomaly`: the same hour's mean over past weeks."""
    requests: int
    period_start: datetime
    period_end: datetime
    firing: list[int]
    """Percents of the thresholds that fire now."""


class RuleStanding(ApiModel):
    """A rule and its groups, those nearest to the limit first."""

    rule: Rule
    state: Literal["ok", "firing", "pending"]
    """`pending`: calls from before the rule was made are not counted yet."""
    groups: list[GroupStanding]
    groups_total: int


class Budgets(ApiModel):
    """Every rule in force."""

    budgets: list[RuleStanding]


class BudgetsQuery(ApiModel):
    """Which rules, and how much of each."""

    rule: Annotated[str | None, Field(max_length=64)] = None
    """Id of a rule."""
    groups: Annotated[int, Field(ge=1, le=1000)] = 100
    """Of each rule, at most."""


class NotYetError(Exception):
    """The sums can't be read just now."""


Ledger = Callable[[str], Sequence[RuleStanding]]
"""How a project's rules stand, with all their groups. May block; raises `NotYetError`."""
LEDGER: web.AppKey[Ledger] = web.AppKey("ledger")


def no_ledger(_project: str) -> Sequence[RuleStanding]:
    """Of a process that reads no sums."""
    raise NotYetError("this process does not read the sums of rules")


async def get_budgets(request: web.Request) -> web.Response:
    """`GET /api/v1/budgets`."""
    query = parse_query(list(request.query.items()), BudgetsQuery, scoped=False)
    work = partial(request.app[LEDGER], project_of(request))
    try:
        found = await request.app[EXECUTOR].run(work)
    except NotYetError as error:
        raise RequestError(503, "not_ready", f"{error}; try again shortly") from error
    asked = [one for one in found if query.rule in (None, one.rule.rule_id)]
    return json_answer(Budgets(budgets=[_cut(one, query.groups) for one in asked]))


def _cut(standing: RuleStanding, groups: int) -> RuleStanding:
    return standing.model_copy(update={"groups": standing.groups[:groups]})
