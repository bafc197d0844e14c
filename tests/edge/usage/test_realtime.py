"""Usage of realtime sessions."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.usage.realtime import RealtimeCollector

COUNTS = st.dictionaries(
    st.sampled_from(["input_tokens", "output_tokens", "total_tokens"]), st.integers(0, 10**6), min_size=1
)


def done(usage: Any) -> str:
    return json.dumps({"type": "response.done", "response": {"usage": usage}}, separators=(",", ":"))


@given(st.lists(COUNTS, max_size=8))
def test_the_usage_of_all_answers_is_added_up(usages: list[dict[str, int]]) -> None:
    collector = RealtimeCollector()
    for usage in usages:
        collector.feed(done(usage))
    names = {name for usage in usages for name in usage}
    total = {name: sum(usage.get(name, 0) for usage in usages) for name in names}
    assert collector.found.usage == (total or None)


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", '"response.done"', done(None), done([1]), '{"type":"response.done"}', done({"a": True})],
)
def test_what_tells_nothing_harms_nothing(frame: str) -> None:
    collector = RealtimeCollector()
    collector.feed(frame)
    assert not collector.found.usage


def test_the_model_is_the_sessions() -> None:
    collector = RealtimeCollector()
    collector.feed('{"type":"session.created","session":{"model":"gpt-realtime-2"}}')
    assert collector.found.model == "gpt-realtime-2"
