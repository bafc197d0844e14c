"""The OpenAPI document: valid, the same as the routes, and true of what is answered."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tallygate.analytics.api.document import document
from tallygate.analytics.api.page import render
from tallygate.analytics.api.table import OPERATIONS
from tallygate.analytics.app import build_app
from tallygate.analytics.live.source import Live, LiveTotal, TotalsAsked
from tallygate.analytics.reports.budgets import GroupStanding, RuleStanding
from tallygate.schemas.filters import Condition, Not, Op
from tallygate.schemas.totals import Counters
from tests.stream_processors.budgets.sums import rule
from tests.support.api import running_api, stored
from tests.support.chdb_engine import empty_target
from tests.support.factories import NOV_2026_US, call

DOCUMENT = document(OPERATIONS)
UNTOLD = {("GET", "/api/v1/openapi.json"), ("GET", "/api/v1/docs")}
PERIOD = (("from", "2026-11-01"), ("to", "2026-11-10"))


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def routes(app: web.Application) -> set[tuple[str, str]]:
    """The API's routes; the admin API's, which has a document of its own kind, are mounted elsewhere."""
    found = set()
    for route in app.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if path.startswith("/api/v1/") and route.method != "HEAD":
            found.add((route.method, path))
    return found


def test_routes_and_document_are_the_same() -> None:
    told = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert routes(build_app(empty_target())) - UNTOLD == told


def test_the_document_is_well_formed() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    for reference in references(DOCUMENT):
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_each_operation_is_told_once_with_its_parameters() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)
    for path, operation in operations():
        in_path = {each["name"] for each in operation["parameters"] if each.get("in") == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path))
        assert operation["summary"]
        told = [each.get("name") for each in operation["parameters"] if "$ref" not in each]
        assert len(set(told)) == len(told)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its path."""
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_each_field_of_an_answer_and_each_parameter_has_a_schema() -> None:
    for _, operation in operations():
        for parameter in operation["parameters"]:
            assert "$ref" in parameter or "schema" in parameter or "content" in parameter


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of a schema of the document."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_examples_are_valid() -> None:
    examples = 0
    for _, operation in operations():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            validator(content["schema"]).validate(content["example"])
            examples += 1
    assert examples >= 5


STANDING = RuleStanding(
    rule=rule(filter=Not(**{"not": Condition(field="model", op=Op.EQ, value="x")})),
    state="ok",
    groups=[
        GroupStanding(
            group="",
            value=1,
            percent=0.5,
            projected=None,
            baseline=None,
            requests=1,
            period_start=datetime(2026, 11, 25, tzinfo=UTC),
            period_end=datetime(2026, 11, 26, tzinfo=UTC),
            firing=[],
        )
    ],
    groups_total=1,
)
OF_THE_CONTROL_STORE = "/api/v1/sql/queries"
"""Answers from another store than these tests have; has tests of its own."""
REPORTS = sorted(
    path
    for path, methods in DOCUMENT["paths"].items()
    if "get" in methods and "{" not in path and path != OF_THE_CONTROL_STORE
)


class Counted:
    """Running totals of one user."""

    def totals(self, _asked: TotalsAsked) -> list[LiveTotal]:
        return [LiveTotal("ada", Counters(requests=3, latency_sketch={700: 3}), NOV_2026_US)]


@pytest.mark.parametrize("path", REPORTS)
async def test_answers_are_as_they_are_told(path: str) -> None:
    schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"].get("application/json")
    if schema is None:
        return
    own = {each["name"] for each in DOCUMENT["paths"][path]["get"]["parameters"] if each.get("in") == "query"}
    scoped = any("$ref" in each for each in DOCUMENT["paths"][path]["get"]["parameters"])
    pairs = [*(PERIOD if scoped else ()), *([("by", "model")] if "by" in own else [])]
    one = call(
        session_id="s",
        session_name="w",
        cache="hit",
        outcome="provider_error",
        received_at_us=NOV_2026_US,
        ended_at_us=NOV_2026_US,
    )
    live = Live(Counted(), lambda _project: "UTC")
    async with running_api(stored([one]), ledger=lambda _project: [STANDING], live=live) as api:
        validator(schema["schema"]).validate(await api.get(path, *pairs))
        if scoped:
            error = await api.get(path, ("from", "never"), status=400)
            validator(DOCUMENT["components"]["schemas"]["ErrorAnswer"]).validate(error)


async def test_it_is_served() -> None:
    async with running_api() as api:
        assert await api.get("/api/v1/openapi.json") == DOCUMENT


async def test_a_page_tells_it_too() -> None:
    async with running_api() as api, api.client.get("/api/v1/docs") as response:
        text = await response.text()
        assert (response.status, response.content_type) == (200, "text/html")
    for path, operation in operations():
        assert f"{path}</code>" in text
        assert f'id="{operation["operationId"]}"' in text
    assert "<script" not in text
    for name in re.findall(r'href="#(\w+)"', text):
        assert f'id="{name}"' in text


def test_what_is_told_is_escaped() -> None:
    told = {**DOCUMENT, "info": DOCUMENT["info"] | {"title": "<script>x</script>"}}
    assert "<script>x" not in render(told)


def test_the_written_documentation_names_every_path() -> None:
    text = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
    for path in DOCUMENT["paths"]:
        below = path.removeprefix("/api/v1/requests/{id}")
        assert path in text or f"`…{below}`" in text, path
