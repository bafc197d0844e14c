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
    columns: Sequence[str | Clause], source: str, clauses: Sequence[Clause], project: str, *tail: str
) -> Statement:
    """A SELECT over one view, of one project."""
    where = ["project = {project:String}", *(clause.sql for clause in clauses)]
    chosen = [column if isinstance(column, Clause) else _plain(column) for column in columns]
    names = ", ".join(column.sql for column in chosen)
    sql = " ".join(["SELECT", names, "FROM", source, "WHERE", " AND ".join(where), *tail])
    return Statement(sql, values_of([*chosen, *clauses]) | {"project": project})


def over(inner: Statement, columns: Sequence[str | Clause], *tail: str) -> Statement:
    """A SELECT over the rows of another."""
    chosen = [column if isinstance(column, Clause) else Clause(column, {}) for column in columns]
    sql = " ".join(["SELECT", ", ".join(column.sql for column in chosen), "FROM (", inner.sql, ")", *tail])
    return Statement(sql, inner.values | values_of(chosen))


def _plain(name: str) -> Clause:
    return Clause(SENT_PROPERTIES if name == "properties" else name, {})
