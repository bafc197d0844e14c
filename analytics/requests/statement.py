"""Whole statements over one view, of one project."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from tallygate.analytics.requests.clause import Clause, values_of

SENT_PROPERTIES = "mapFromArrays(arrayMap(n -> toString(n), property_names), mapValues(properties))"
"""Properties under their names as sent; the view has them in lower case."""


class Statement(NamedTuple):
    """SQL and the values of its parameters."""

    sql: str
    values: dict[str, Any]


Rows: TypeAlias = Callable[[Statement], list[tuple[Any, ...]]]
"""Runs a statement; blocks, and raises `ClickHouseError`."""


def select(
    columns: Sequence[str], source: str, clauses: Sequence[Clause], project: str, *tail: str
) -> Statement:
    """A SELECT over one view, of one project."""
    where = ["project = {project:String}", *(clause.sql for clause in clauses)]
    chosen = [SENT_PROPERTIES if column == "properties" else column for column in columns]
    parts = ["SELECT", ", ".join(chosen), "FROM", source, "WHERE", " AND ".join(where), *tail]
    return Statement(" ".join(parts), values_of(clauses) | {"project": project})
