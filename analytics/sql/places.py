"""Where in a query ClickHouse's complaint points, and the complaint without what was put around the query."""

import re

from tallygate.analytics.sql.errors import QueryError
from tallygate.analytics.sql.text import Prepared

_MACHINERY = re.compile(r"[.:,]? In (?:scope|query) .*", re.DOTALL)
_ANOTHER_TABLE = re.compile(r" Maybe you meant [^:].*\?\.?$")
_KINDS = r"(?:identifier|Identifier|Column|column|[Ff]unction|FUNCTION)"
# Looks ahead, as one name may begin another's kind: "function identifier `x`".
_NAMED = re.compile(rf"(?={_KINDS} [`'\"]?(?P<name>[A-Za-z_]\w*(?:\.\w+)*))")


def cleaned(message: str, database: str) -> str:
    """ClickHouse's words on the query alone: not on the expressions that limit it to a project."""
    alone = _MACHINERY.sub(".", message)
    # A table that is called alike, of any database; columns come in a list.
    return _ANOTHER_TABLE.sub("", alone).replace(f"{database}.", "")


def located(error: QueryError, query: Prepared) -> QueryError:
    """The error with the place of the first name that it complains of, if it names one of the query's."""
    if error.position is None:
        starts = {word.text: word.start for word in reversed(query.words)}
        for found in _NAMED.finditer(error.message):
            start = starts.get(found["name"].rpartition(".")[2])
            if start is not None:
                return QueryError(error.code, error.message, position=start)
    return error
