"""Filter trees: what they take, how they refuse, what they mean."""

import functools
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tallygate.analytics.requests.clause import values_of
from tallygate.analytics.requests.where import where
from tallygate.runtime.clickhouse import EmbeddedTarget, Session, connect
from tallygate.schemas.filter_match import matcher, matches
from tallygate.schemas.filters import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES, AnyNode, Filter, path_of
from tallygate.schemas.records import Call
from tests.support.api import stored
from tests.support.chdb_engine import migrated_target
from tests.support.factories import NOV_2026_US, call
from tests.support.filters import FILTERS, calls

ADAPTER: TypeAdapter[AnyNode] = TypeAdapter(Filter)


def parsed(value: Any) -> AnyNode:
    """A filter from its JSON."""
    return ADAPTER.validate_python(value)


def is_(field: str, op: str, value: Any = None) -> dict[str, Any]:
    """A condition."""
    return {"field": field, "op": op, "value": value}


@functools.cache
def database() -> tuple[EmbeddedTarget, Session]:
    """One for all examples, each of which has a project of its own: a new one takes long."""
    target = migrated_target()
    return target, connect(target)


@given(st.lists(calls(), min_size=1, max_size=10), st.lists(FILTERS, min_size=1, max_size=40))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_python_and_clickhouse_agree(drawn: list[Call], filters: list[dict[str, Any]]) -> None:
    target, session = database()
    project = str(uuid.uuid4())
    mine = [one.model_copy(update={"project": project}) for one in drawn]
    stored(mine, target=target)
    trees = [parsed(filter_) for filter_ in filters]
    clauses = [where(tree, f"w{index}_") for index, tree in enumerate(trees)]
    columns = ", ".join(clause.sql for clause in clauses)
    sql = f"SELECT origin_seq, {columns} FROM calls WHERE project = {{project:String}}"
    found = {row[0]: row[1:] for row in session.rows(sql, values_of(clauses) | {"project": project})}
    for one in mine:
        for filter_, tree, there in zip(filters, trees, found[one.origin.seq], strict=True):
            assert there in (0, 1)
            assert matches(tree, one) is bool(there), (filter_, one)


ONE = call(
    model="gpt-4o",
    properties={"Env": "prod"},
    cost_nanos=50_000_000,
    latency_us=1500,
    received_at_us=NOV_2026_US,
    ttft_us=None,
    prompt="first\nsecond",
)


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (is_("model", "eq", "gpt-4o"), True),
        (is_("model", "eq", "GPT-4o"), False),
        (is_("property.eNV", "eq", "prod"), True),
        (is_("property.tier", "eq", "prod"), False),
        (is_("property.tier", "ne", "prod"), True),
        (is_("property.tier", "exists"), False),
        (is_("property.env", "exists"), True),
        (is_("cost_usd", "eq", 0.05), True),
        (is_("cost_usd", "gte", "0.050000001"), False),
        (is_("latency_ms", "gt", 1.4), True),
        (is_("received_at", "gte", "2026-11-06T21:20:00Z"), True),
        (is_("received_at", "lt", "2026-11-06T22:20:00+01:00"), False),
        (is_("received_at", "lte", NOV_2026_US), True),
        (is_("ttft_ms", "lt", 100), False),
        ({"not": is_("ttft_ms", "lt", 100)}, True),
        (is_("prompt", "regex", "first.second"), True),
        (is_("prompt", "regex", "(?-s)first.second"), False),
        (
            {
                "and": [
                    is_("model", "contains", "4o"),
                    {"or": [is_("status", "gt", 500), is_("priced", "eq", True)]},
                ]
            },
            True,
        ),
    ],
)
def test_what_a_filter_means(filter_: Any, expected: bool) -> None:
    assert matches(parsed(filter_), ONE) is expected


def nested(depth: int) -> dict[str, Any]:
    """A condition below that many negations, less one."""
    node = is_("model", "eq", "x")
    for _ in range(depth - 1):
        node = {"not": node}
    return node


@pytest.mark.parametrize(
    ("filter_", "path", "words"),
    [
        ({}, "field", "required"),
        ([], "", "dictionary"),
        ("model", "", "dictionary"),
        (is_("modle", "eq", "x"), "field", "cost_usd"),
        (is_("property.", "eq", "x"), "field", "property"),
        (is_("property." + "n" * 65, "eq", "x"), "field", "property"),
        (is_("model", "like", "x"), "op", "'eq'"),
        (is_("model", "lt", "x"), "op", "contains"),
        (is_("status", "regex", "x"), "op", "gte"),
        (is_("status", "exists", "x"), "op", "gte"),
        (is_("received_at", "eq", "x"), "op", "gte"),
        (is_("model", "eq"), "value", "text"),
        (is_("model", "eq", 5), "value", "text"),
        (is_("model", "eq", ["x"]), "value", "text"),
        (is_("model", "eq", "x" * 1025), "value", "1024"),
        (is_("model", "eq", "\0"), "value", "characters"),
        (is_("model", "eq", "\ud800"), "value", "characters"),
        (is_("model", "contains", ""), "value", "empty"),
        (is_("model", "in", "x"), "value", "list"),
        (is_("model", "in", []), "value", "list"),
        (is_("model", "in", ["x", 5]), "value", "text"),
        (is_("model", "in", ["x"] * (MAX_VALUES + 1)), "value", "1000"),
        (is_("status", "eq", "x"), "value", "whole number"),
        (is_("status", "eq", 1.5), "value", "whole number"),
        (is_("status", "eq", True), "value", "flag"),
        (is_("status", "eq", 2**63), "value", "64 bits"),
        (is_("latency_ms", "gt", "5"), "value", "number"),
        (is_("latency_ms", "gt", float("nan")), "value", "number"),
        (is_("cost_usd", "gt", "much"), "value", "0.05"),
        (is_("cost_usd", "gt", "1e400"), "value", "0.05"),
        (is_("cost_usd", "gt", "NaN"), "value", "0.05"),
        (is_("cost_usd", "gt", "0.0000000001"), "value", "9 decimals"),
        (is_("received_at", "gt", "yesterday"), "value", "ISO 8601"),
        (is_("received_at", "gt", 1.5), "value", "ISO 8601"),
        (is_("stream", "eq", 1), "value", "true or false"),
        (is_("ttft_ms", "exists", 1), "value", "true or false"),
        (is_("model", "regex", "("), "value", "RE2"),
        (is_("model", "regex", "(?=x)"), "value", "RE2"),
        (is_("model", "regex", "((a{100}){100})"), "value", "RE2"),
        (is_("model", "regex", "a" * 513), "value", "512"),
        ({"and": []}, "and", "at least 1"),
        ({"and": {}}, "and", "tuple"),
        ({"and": [is_("model", "eq", "x"), {"not": is_("status", "eq", "x")}]}, "and[1].not.value", "whole"),
        ({"or": [{"and": [is_("colour", "eq", "x")]}]}, "or[0].and[0].field", "cost_usd"),
        ({"or": [is_("model", "eq", "x")], "and": [is_("model", "eq", "x")]}, "or", "not permitted"),
        (is_("model", "eq", "x") | {"valeu": 1}, "valeu", "not permitted"),
        (nested(MAX_DEPTH + 1), "", "nested"),
        (nested(5000), "", ""),
        ({"and": [is_("model", "eq", "x")] * (MAX_CONDITIONS + 1)}, "", "200"),
    ],
)
def test_what_is_refused_is_named_by_its_path(filter_: Any, path: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parsed(filter_)
    first = caught.value.errors(include_url=False)[0]
    assert path_of(first["loc"]).startswith(path)
    assert path or not path_of(first["loc"]).startswith("not.value")
    assert words in first["msg"]


@given(FILTERS)
@settings(max_examples=200)
def test_a_filter_survives_its_json(filter_: dict[str, Any]) -> None:
    tree = parsed(filter_)
    again = ADAPTER.validate_json(ADAPTER.dump_json(tree, by_alias=True))
    assert again == tree
    assert matches(again, ONE) is matches(tree, ONE)


def test_the_bounds_are_taken() -> None:
    parsed(nested(MAX_DEPTH))
    parsed({"and": [is_("model", "eq", "x")] * MAX_CONDITIONS})
    parsed(is_("model", "in", ["x"] * MAX_VALUES))


def test_an_evil_regex_takes_no_longer_than_another() -> None:
    evil = matcher(parsed(is_("prompt", "regex", "(a+)+$")))
    assert evil(call(prompt="a" * 100_000 + "b")) is False


def test_a_lone_surrogate_is_searched_as_it_is_stored() -> None:
    assert matches(parsed(is_("prompt", "regex", r"x\?y")), call(prompt="x\ud800y"))


def test_the_schema_is_told() -> None:
    schema = ADAPTER.json_schema(by_alias=True)
    assert {"And", "Or", "Not", "Condition"} <= set(schema["$defs"])
