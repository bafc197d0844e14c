"""The text of a query, before ClickHouse sees it."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.analytics.sql import functions
from tallygate.analytics.sql.errors import QueryError
from tallygate.analytics.sql.functions import is_allowed
from tallygate.analytics.sql.text import prepare
from tallygate.analytics.sql.tree import EXPLAIN_PREFIX, judge
from tallygate.runtime.clickhouse import Session, StatementError, connect
from tests.support.chdb_engine import migrated_target

PIECES = [
    "'",
    '"',
    "`",
    "\\",
    ";",
    "--",
    "-",
    "/*",
    "*/",
    "/",
    "*",
    "\n",
    "\t",
    " ",
    "#",
    "# ",
    "$$",
    "$a$",
    "''",
]
PIECES += [
    "SELECT 2",
    "SELECT",
    "a",
    "1",
    ",",
    "(",
    ")",
    "{",
    "}",
    ":",
    "\u2018",
    "\u00a0",
    "é",
    "\x00",
    "\r",
    ".",
    "@",
]

texts = st.lists(st.sampled_from(PIECES), max_size=14).map(lambda pieces: "SELECT 1 " + "".join(pieces))


@given(texts)
def test_offsets_are_those_of_the_text(text: str) -> None:
    try:
        prepared = prepare(text)
    except QueryError:
        return
    assert len(prepared.text) == len(prepared.code) <= len(text)
    for word in prepared.words:
        assert text[word.start : word.end].strip('"`') == word.text


@functools.cache
def engine() -> Session:
    """A session to parse with."""
    return connect(migrated_target(), settings={"readonly": 2})


@settings(max_examples=300, deadline=None)
@given(texts)
def test_what_is_one_statement_here_is_one_to_clickhouse(text: str) -> None:
    """chDB would run a second one, whatever the first is."""
    try:
        prepared = prepare(text)
        tree = engine().raw(EXPLAIN_PREFIX + prepared.text, "TabSeparatedRaw").decode("utf-8", "replace")
    except (QueryError, StatementError):
        return
    roots = [line for line in tree.splitlines() if line and not line.startswith(" ")]
    assert len(roots) == 1, (text, tree)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\x85"), max_size=30))
def test_a_string_stays_a_string(value: str) -> None:
    literal = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    prepared = prepare(f"SELECT {literal} AS v")
    assert prepared.text == f"SELECT {literal} AS v"
    judge(engine().raw(EXPLAIN_PREFIX + prepared.text, "TabSeparatedRaw").decode())
    assert engine().rows(prepared.text) == [(value,)]


@pytest.mark.parametrize(
    "name", ["sumIf", "quantilesIf", "SUM", "uniqExactIf", "groupArrayDistinct", "avgOrNull"]
)
def test_aggregates_with_combinators(name: str) -> None:
    assert is_allowed(name)


@pytest.mark.parametrize(
    "name", ["fileIf", "sumState", "sumMerge", "if_", "sum(", "", "dictGetIf", "sumIfState"]
)
def test_other_names(name: str) -> None:
    assert not is_allowed(name)


def test_every_allowed_function_exists() -> None:
    known = {name.lower() for (name,) in engine().rows("SELECT name FROM system.functions")}
    plain = f"{functions._OPERATORS} {functions._NUMBERS} {functions._TIMES} {functions._TEXTS}"
    listed = _lowered(f"{plain} {functions._COLLECTIONS} {functions._AGGREGATES}")
    assert listed - known == SYNTAX


def _lowered(names: str) -> set[str]:
    return {name.lower() for name in names.split()}


SYNTAX = _lowered(
    "lambda exists grouping untuple sumMap minMap maxMap"
    " date_add date_sub dateAdd dateSub timestamp_add timestamp_sub"
)
"""Made of other functions by ClickHouse's parser or analyzer."""
