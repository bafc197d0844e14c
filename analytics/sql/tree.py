"""Judges a query by the tree that ClickHouse's own parser makes of it, as `EXPLAIN AST` prints it.

What is judged is thus what will be run: there is no second parser that could read a text otherwise. Every
kind of node and every function has to be known here; what a later ClickHouse adds is refused until it is.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tallygate.analytics.sql.errors import QueryError
from tallygate.analytics.sql.functions import is_allowed

EXPLAIN_PREFIX = "EXPLAIN AST "
OUTPUT_FORMAT = "TabSeparatedRaw"

_NODES = frozenset(
    {
        "ArrayJoin",
        "Asterisk",
        "ColumnsExceptTransformer",
        "ColumnsListMatcher",
        "ColumnsRegexpMatcher",
        "ColumnsReplaceTransformer",
        "ColumnsReplaceTransformer::Replacement",
        "ColumnsTransformerList",
        "ExpressionList",
        "Function",
        "Identifier",
        "InterpolateElement",
        "Literal",
        "OrderByElement",
        "QualifiedAsterisk",
        "QualifiedColumnsListMatcher",
        "QualifiedColumnsRegexpMatcher",
        "SelectIntersectExceptQuery",
        "SelectQuery",
        "SelectWithUnionQuery",
        "Subquery",
        "TableExpression",
        "TableIdentifier",
        "TableJoin",
        "TablesInSelectQuery",
        "TablesInSelectQueryElement",
        "WindowDefinition",
        "WindowListElement",
        "WithElement",
    }
)
_REASONS = {
    "Set": ("settings_not_allowed", "SETTINGS can't be given in a query"),
    "ColumnsApplyTransformer": ("apply_not_allowed", "APPLY can't be used"),
    "SampleRatio": ("sample_not_allowed", "SAMPLE can't be used"),
}
_STATE_OF_SERVER = frozenset({"currentuser", "current_user", "currentdatabase", "current_database"})
"""Names that ClickHouse takes for calls of functions that are not let through."""
_CASTS = frozenset({"cast", "_cast", "accuratecast", "accuratecastornull", "accuratecastordefault"})
_IN = frozenset({"in", "notin", "globalin", "globalnotin", "nullin", "notnullin"})
_LINE = re.compile(r"(?P<indent> *)(?P<kind>[A-Za-z:]+)(?: (?P<rest>.*))?")
_NAME = re.compile(r"(?P<name>\w+)(?: \(alias .*\))?(?: \(children \d+\))?")
_TABLE = re.compile(r"(?P<name>.+?)(?: \(alias .*\))?(?: \(children \d+\))?")


class Node(NamedTuple):
    """A line of the tree."""

    depth: int
    kind: str
    rest: str


def judge(explained: str) -> None:
    """Check a query's tree.

    Raises:
        QueryError: it has something that is not let through.
    """
    nodes = list(_nodes(explained))
    path: list[Node] = []
    for index, node in enumerate(nodes):
        del path[node.depth :]
        if len(path) != node.depth:
            raise QueryError("not_understood", "the query's structure is not understood")
        _judge_node(node, path[-1] if path else None)
        if node.kind == "Function":
            _judge_function(node, nodes, index)
        path.append(node)
    _judge_root(nodes)


def _nodes(explained: str) -> Iterator[Node]:
    # Not splitlines: it also splits at characters that a text may have.
    for line in explained.split("\n"):
        if match := _LINE.fullmatch(line):
            yield Node(len(match["indent"]), match["kind"], match["rest"] or "")
        elif line:
            raise QueryError("not_understood", "the query's structure is not understood")


def _judge_root(nodes: list[Node]) -> None:
    """The statement is a SELECT, and after it comes our format only: no INTO OUTFILE, no other format."""
    top = [(node.kind, node.rest.partition(" (")[0]) for node in nodes if node.depth == 1]
    if not nodes or nodes[0].kind != "SelectWithUnionQuery" or len(top) != 2:
        raise QueryError("not_a_select", "only SELECT is run; FORMAT and INTO OUTFILE can't be given")
    if top[0][0] != "ExpressionList" or top[1] != ("Identifier", OUTPUT_FORMAT):
        raise QueryError("format_not_allowed", "FORMAT can't be given: the answer is always JSON")


def _judge_node(node: Node, parent: Node | None) -> None:
    if node.kind in _REASONS:
        raise QueryError(*_REASONS[node.kind])
    if node.kind not in _NODES:
        raise QueryError("not_allowed", f"{node.kind} can't be used in a query")
    if node.kind == "Function" and parent is not None and parent.kind == "TableExpression":
        name = node.rest.partition(" ")[0]
        raise QueryError("table_function_not_allowed", f"the table function {name} can't be used")
    if node.kind == "Identifier" and node.rest.partition(" (")[0].lower() in _STATE_OF_SERVER:
        raise QueryError("function_not_allowed", f"{node.rest.partition(' (')[0]} can't be used")
    if node.kind == "TableIdentifier":
        match = _TABLE.fullmatch(node.rest)
        if match is None or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", match["name"]):
            raise QueryError("table_not_allowed", f"{node.rest.partition(' (')[0]} can't be read")


def _judge_function(node: Node, nodes: list[Node], index: int) -> None:
    match = _NAME.fullmatch(node.rest)
    name = match["name"] if match else node.rest
    if match is None or not is_allowed(name):
        raise QueryError("function_not_allowed", f"the function {name} can't be used")
    if name.lower() in _IN and _names_a_table(node, nodes, index):
        # ClickHouse reads `x IN db.table` as a subquery over that table.
        raise QueryError(
            "table_not_allowed", "IN takes a list or a subquery, not a table of another database"
        )
    if name.lower() in _CASTS and not _casts_to_a_value(node, nodes, index):
        raise QueryError(
            "type_not_allowed",
            "a cast takes the name of a type as it is, and not that of an aggregation's state",
        )


def _names_a_table(node: Node, nodes: list[Node], index: int) -> bool:
    last = next(reversed(_arguments(node, nodes, index)), None)
    return last is not None and last.kind == "Identifier" and "." in last.rest.partition(" (")[0]


def _casts_to_a_value(node: Node, nodes: list[Node], index: int) -> bool:
    """Whether a cast's type is written out, and no state: ClickHouse takes a made-up one as it comes."""
    type_ = _arguments(node, nodes, index)[1:2]
    return all(each.kind == "Literal" and "aggregatefunction" not in each.rest.lower() for each in type_)


def _arguments(node: Node, nodes: list[Node], index: int) -> list[Node]:
    found: list[Node] = []
    for below in nodes[index + 1 :]:
        if below.depth <= node.depth:
            break
        if below.depth == node.depth + 2:
            found.append(below)
    return found
