"""The gate, and that it closes."""

import copy
import json
from typing import Any

import pytest

from tallygate.schemas.compat import breaking_changes
from tallygate.schemas.generate import RELEASED_DIR, schema_texts

RELEASED = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in RELEASED_DIR.iterdir()}
CALL = RELEASED["Call.v1.schema.json"]


@pytest.mark.parametrize("name", RELEASED)
def test_no_released_schema_is_broken(name: str) -> None:
    """A failure here means: add a new version of the record beside the old one instead."""
    assert name in schema_texts(), "a released schema is gone"
    assert breaking_changes(RELEASED[name], json.loads(schema_texts()[name])) == []


def _changed(**changes: Any) -> dict[str, Any]:
    """The schema of calls with fields changed; None removes one."""
    schema: dict[str, Any] = copy.deepcopy(CALL)
    for name, change in changes.items():
        if change is None:
            del schema["properties"][name]
        else:
            schema["properties"].setdefault(name, {}).update(change)
    return schema


@pytest.mark.parametrize(
    ("schema", "change"),
    [
        (_changed(provider=None), "provider: removed"),
        (_changed(status={"type": "string"}), "status: type integer became string"),
        (_changed(status={"maximum": 599}), "status: maximum 999 became 599"),
        (_changed(status={"minimum": 100}), "status: minimum 0 became 100"),
        (_changed(project={"minLength": 1}), "project: minLength None became 1"),
        (_changed(project={"maxLength": 9}), "project: maxLength None became 9"),
        (_changed(cache={"enum": ["", "hit"]}), "cache: no longer allows 'miss'"),
        (_changed(user_id={"enum": ["ada"]}), "user_id: no longer allows any value"),
        (_changed(cost_nanos={"anyOf": [{"type": "integer"}]}), "cost_nanos: type integer or null became"),
        (_changed(properties={"additionalProperties": {"type": "integer"}}), "properties{}: type string"),
        ({**CALL, "required": [*CALL["required"], "user_id"]}, "user_id: now required"),
        (_changed(attempts={"items": {"type": "string"}}), "attempts[]: type object became string"),
    ],
)
def test_breaking_changes_are_named(schema: dict[str, Any], change: str) -> None:
    found = breaking_changes(CALL, schema)
    assert len(found) == 1
    assert found[0].startswith(change)


def test_changes_inside_a_shared_definition_are_seen() -> None:
    schema = copy.deepcopy(CALL)
    del schema["$defs"]["Attempt"]["properties"]["latency_us"]
    schema["$defs"]["Outcome"]["enum"].remove("timeout")
    assert sorted(breaking_changes(CALL, schema)) == [
        "attempts[].latency_us: removed",
        "outcome: no longer allows 'timeout'",
    ]


@pytest.mark.parametrize(
    "schema",
    [
        CALL,
        _changed(extra={"type": "string", "default": ""}),
        _changed(cache={"enum": ["", "hit", "miss", "stale"]}),
        _changed(status={"maximum": 9999, "minimum": -1}),
        _changed(provider={"description": "Another text", "title": "P"}),
    ],
)
def test_additions_and_wider_limits_break_nothing(schema: dict[str, Any]) -> None:
    assert breaking_changes(CALL, schema) == []
