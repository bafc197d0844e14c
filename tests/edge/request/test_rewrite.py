"""One value changes; every other byte stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.request import rewrite
from tallygate.edge.request.jsonscan import TopLevelScanner


def scanned(data: bytes) -> TopLevelScanner:
    scanner = TopLevelScanner()
    scanner.feed(data)
    return scanner


def test_the_model_is_replaced() -> None:
    data = b'{ "x" : 1.0, "model":"openai/gpt-4o" ,"y":[ ] }'
    changed = rewrite.apply(data, rewrite.set_model(scanned(data), "gpt-4o"))
    assert changed == b'{ "x" : 1.0, "model":"gpt-4o","y":[ ] }'


def test_usage_is_asked_for() -> None:
    data = b'{"model":"m","stream":true}'
    changed = rewrite.apply(data, rewrite.ask_usage(scanned(data)))
    assert changed == b'{"stream_options":{"include_usage":true},"model":"m","stream":true}'


@pytest.mark.parametrize(
    "options", ["null", "{}", '{"include_usage":false,"include_obfuscation":false}', "[]", "1"]
)
def test_other_stream_options_stay(options: str) -> None:
    data = b'{"stream_options": %b, "model":"m"}' % options.encode()
    changed = json.loads(rewrite.apply(data, rewrite.ask_usage(scanned(data))))
    given_options = json.loads(options)
    kept = given_options if isinstance(given_options, dict) else {}
    assert changed == {"stream_options": kept | {"include_usage": True}, "model": "m"}


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)), st.text(max_size=9))
def test_both_edits_at_once(body: dict[str, Any], model: str) -> None:
    data = json.dumps(body | {"model": "old", "stream": True}).encode()
    scanner = scanned(data)
    edits = [*rewrite.ask_usage(scanner), *rewrite.set_model(scanner, model)]
    changed = rewrite.apply(data, edits)
    wanted = body | {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    assert json.loads(changed) == wanted
    assert len(changed) == len(data) + rewrite.growth_bytes(edits)
