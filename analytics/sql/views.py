"""What a query may read, and how it is kept to a project.

A query runs in a database that is empty on purpose. For each view that it names, a common table expression
of the same name is put in front of it, which reads that view's rows of the one project. So a name either
leads to such an expression (or to one of the query's own), or to nothing: a mistake here ends in an error,
never in another project's rows.
"""

from typing import NamedTuple

from tallygate.analytics.sql.text import Prepared
from tallygate.schemas.clickhouse import quoted

VIEWS = (
    "calls",
    "attempts",
    "bodies",
    "sessions",
    "usage_hourly",
    "usage_daily",
    "rate_limits",
    "alerts",
    "feedback",
    "scores",
    "restated",
    "requests",
    "unanswered",
)
PROJECT_PARAMETER = "tallygate_project"


class Limited(NamedTuple):
    """A query that sees one project, and the parameter that says which."""

    sql: str
    values: dict[str, str]


def limit_to_project(query: Prepared, database: str, project: str) -> Limited:
    """Put the expressions that the query needs in front of it."""
    named = {word.text for word in query.words}
    expressions = ", ".join(_expression(view, database) for view in VIEWS if view in named)
    if not expressions:
        return Limited(query.text, {})
    first = query.words[0]
    if first.text.upper() != "WITH":
        sql = f"WITH {expressions} {query.text}"
    else:
        recursive = query.words[1:2] and query.words[1].text.upper() == "RECURSIVE"
        end = query.words[1].end if recursive else first.end
        sql = f"{query.text[:end]} {expressions}, {query.text[end:]}"
    return Limited(sql, {PROJECT_PARAMETER: project})


def _expression(view: str, database: str) -> str:
    source = f"{quoted(database)}.{view}"
    project = f"{{{PROJECT_PARAMETER}:String}}"
    return " ".join((view, "AS (SELECT * FROM", source, "WHERE project =", project + ")"))
