"""End users: `GET /api/v1/users`, and one of them."""

from collections.abc import Sequence
from typing import Any

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel, Totals, Usd
from tallygate.analytics.reports.compared import Compared, ComparedQuery, compare
from tallygate.analytics.reports.sums import Group, sums, totals, usd
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows

MODELS_IN_LIST = 5


class ModelShare(ApiModel):
    """What of a user's calls went to a model."""

    model: str
    requests: int
    cost_nanos: int
    cost_usd: Usd


class User(Compared):
    """A user and the models that the calls went to, the costliest first."""

    models: list[ModelShare]


class UserPage(ApiModel):
    """Users; the one without a name has the calls that named none."""

    users: list[User]
    count: int
    next_offset: int | None
    total: Totals


def read_users(rows: Rows, scope: Scope, query: ComparedQuery) -> UserPage:
    """Read a page of users."""
    found = compare(rows, scope, "user", query)
    models = _models(rows, scope, [group.name for group in found.groups])
    users = [
        User(**dict(group), models=models.get(group.name, [])[:MODELS_IN_LIST]) for group in found.groups
    ]
    return UserPage(users=users, count=found.count, next_offset=found.next_offset, total=found.total)


def read_user(rows: Rows, scope: Scope, user_id: str) -> User | None:
    """Read one user, with all models; None without calls in the period."""
    mine = scope.and_(Clause("user_id = {user_id:String}", {"user_id": user_id}))
    found = compare(rows, mine, "user", ComparedQuery()).groups
    models = _models(rows, mine, [user_id])
    return User(**dict(found[0]), models=models.get(user_id, [])) if found else None


def _models(rows: Rows, scope: Scope, names: Sequence[str]) -> dict[str, list[ModelShare]]:
    if not names:
        return {}
    groups = [Group(Clause("user_id", {})), Group(Clause("model", {}))]
    among = Clause("user_id IN {names:Array(String)}", {"names": list(names)})
    order = "ORDER BY ifNull(t_cost, 0) DESC, t_requests DESC, g1"
    by_user: dict[str, list[ModelShare]] = {}
    for row in rows(sums(groups, [*scope.by_day(), among], scope.project, order)):
        by_user.setdefault(row[0], []).append(_share(row))
    return by_user


def _share(row: Sequence[Any]) -> ModelShare:
    own = totals(row[2:])
    return ModelShare(
        model=row[1], requests=own.requests, cost_nanos=own.cost_nanos, cost_usd=usd(own.cost_nanos)
    )
