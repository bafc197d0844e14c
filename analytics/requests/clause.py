"""Parts of SQL, with the values of their parameters: values never stand in the text."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Clause(NamedTuple):
    """A part of a WHERE, or a column."""

    sql: str
    values: dict[str, Any]

    def as_(self, name: str) -> "Clause":
        """Under a name."""
        return self._replace(sql=f"{self.sql} AS {name}")


def values_of(clauses: Iterable[Clause]) -> dict[str, Any]:
    """The values of all parts."""
    return {key: value for clause in clauses for key, value in clause.values.items()}


def joined(word: str, clauses: Iterable[Clause]) -> Clause:
    """Parts in brackets, with AND or OR between them."""
    parts = list(clauses)
    return Clause("(" + f" {word} ".join(part.sql for part in parts) + ")", values_of(parts))
