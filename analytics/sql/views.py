"""What a query may read, and how it is kept to a project.

A query runs in a database that is empty on purpose. For each view that it names, a common table expression
of the same name is put in front of it, which reads that view's rows of the one project. So a name either
leads to such an expression (or to one of the query's own), or to nothing: a mistake here ends in an error,
never in another project's rows.
"""

from tallygate.analytics.sql.text import Prepared

VIEWS = ("calls", "attempts", "bodies", "usage_hourly", "usage_daily", "requests", "unanswered")
PROJECT_PARAMETER = "tallygate_project"


def limit_to_project(query: Prepared, database: str) -> str:
    """Put the expressions that the query needs in front of it; its project is a parameter."""
    named = {word.text for word in query.words}
    expressions = [_expression(view, database) for view in VIEWS if view in named]
    if not expressions:
        return query.text
    first = query.words[0]
    if first.text.upper() != "WITH":
        return f"WITH {', '.join(expressions)} {query.text}"
    second = query.words[1] if len(query.words) > 1 else first
    recursive = second.text.upper() == "RECURSIVE"
    end = second.end if recursive else first.end
    return f"{query.text[:end]} {', '.join(expressions)}, {query.text[end:]}"


def _expression(view: str, database: str) -> str:
    source = f"`{database}`.`{view}`"
    project = f"{{{PROJECT_PARAMETER}:String}}"
    return " ".join((view, "AS (SELECT * FROM", source, "WHERE project =", project + ")"))
