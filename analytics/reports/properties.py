"""Custom properties: their names, and the values of one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel, Usd
from tallygate.analytics.reports.sums import usd
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, over, select


class PropertiesQuery(ApiModel):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class PropertyName(ApiModel):
    """A property over the calls that have it."""

    name: str
    """In lower case: names are compared without case."""
    sent_as: str
    """As one of the calls wrote it."""
    requests: int
    values: int
    """Different ones, about (a HyperLogLog count)."""
    cost_nanos: int
    cost_usd: Usd
    last_seen: datetime


class PropertyNames(ApiModel):
    """The most used first."""

    properties: list[PropertyName]
    truncated: bool


_SETS = (
    "properties",
    "property_names",
    "count() AS n",
    "sum(cost_nanos) AS cost",
    "max(received_at) AS last",
)
"""Calls that have the same properties, as the projection `daily_properties` has them."""
_COLUMNS = (
    "tupleElement(pair, 1) AS name",
    "any(tupleElement(pair, 3))",
    "sum(n) AS all",
    "uniqCombined(tupleElement(pair, 2))",
    "sum(cost)",
    "max(last)",
)
_PAIRS = "arrayJoin(arrayZip(mapKeys(properties), mapValues(properties), property_names)) AS pair"


def read_properties(rows: Rows, scope: Scope, query: PropertiesQuery) -> PropertyNames:
    """Read the names."""
    by = "GROUP BY properties, property_names"
    sets = select([Clause(name, {}) for name in _SETS], "calls", scope.by_day(), scope.project, by)
    pairs = over(sets, [_PAIRS, "n", "cost", "last"])
    tail = f"GROUP BY name ORDER BY all DESC, name LIMIT {query.limit + 1}"
    found = rows(over(pairs, _COLUMNS, tail))
    return PropertyNames(
        properties=[_property(row) for row in found[: query.limit]], truncated=len(found) > query.limit
    )


def _property(row: Sequence[Any]) -> PropertyName:
    name, sent_as, requests, values, cost, last_seen = row
    return PropertyName(
        name=name,
        sent_as=sent_as,
        requests=requests,
        values=values,
        cost_nanos=cost or 0,
        cost_usd=usd(cost or 0),
        last_seen=last_seen,
    )
