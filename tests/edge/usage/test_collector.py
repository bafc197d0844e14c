"""Usage is found in every provider's shape, wherever the bytes are cut; nothing makes a collector raise."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.usage.collector import Collector, collector_for
from tallygate.edge.usage.found import flavor_of

SSE = "text/event-stream; charset=utf-8"
JSON = "application/json"


def collect(content_type: str, data: bytes, size: int = 7) -> Collector:
    collector = collector_for(content_type)
    for at in range(0, len(data), size):
        collector.feed(data[at : at + size])
    collector.close()
    return collector


def sse(*events: Any) -> bytes:
    return b"".join(
        b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n"
        for event in events
    )


CHAT = sse(
    {
        "model": "gpt-4o-2024",
        "choices": [{"delta": {"content": 'say "usage": {"prompt_tokens": 99}'}}],
        "usage": None,
    },
    {"model": "gpt-4o-2024", "choices": [], "usage": {"prompt_tokens": 3}, "service_tier": "flex"},
    b"[DONE]",
)
ANTHROPIC_EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "model": "claude-x",
            "usage": {"input_tokens": 10, "output_tokens": 1, "service_tier": "standard"},
        },
    },
    {"type": "content_block_delta", "delta": {"text": "usage"}},
    {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 25, "input_tokens": None}},
    {"type": "message_stop"},
]
ANTHROPIC = b"".join(
    b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n"
    for event in ANTHROPIC_EVENTS
)
RESPONSES = sse(
    {"type": "response.created", "response": {"model": "gpt-x", "usage": None}},
    {"type": "response.output_text.delta", "delta": "response.completed"},
    {
        "type": "response.completed",
        "response": {"model": "gpt-x", "usage": {"input_tokens": 4}, "service_tier": "default"},
    },
)
GOOGLE = sse(
    {"modelVersion": "gemini-x", "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1}},
    {"modelVersion": "gemini-x", "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 9}},
)
GROQ = sse({"model": "llama", "choices": [{}], "x_groq": {"usage": {"prompt_tokens": 2}}}, b"[DONE]")


@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
@pytest.mark.parametrize(
    ("stream", "usage", "model", "tier", "finished"),
    [
        (CHAT, {"prompt_tokens": 3}, "gpt-4o-2024", "flex", True),
        (
            ANTHROPIC,
            {"input_tokens": 10, "output_tokens": 25, "service_tier": "standard"},
            "claude-x",
            "standard",
            True,
        ),
        (RESPONSES, {"input_tokens": 4}, "gpt-x", "default", True),
        (GOOGLE, {"promptTokenCount": 5, "candidatesTokenCount": 9}, "gemini-x", "", False),
        (GROQ, {"prompt_tokens": 2}, "llama", "", True),
    ],
)
def test_streams(
    stream: bytes, usage: dict[str, Any], model: str, tier: str, finished: bool, size: int
) -> None:
    collector = collect(SSE, stream, size)
    found = collector.found
    assert (found.usage, found.model, found.service_tier) == (usage, model, tier)
    assert collector.finished is finished


def test_a_text_like_a_last_event_is_none() -> None:
    stream = sse({"type": "response.output_text.delta", "delta": '"response.completed"', "model": "m"})
    assert not collect(SSE, stream).finished


@pytest.mark.parametrize(
    ("answer", "usage", "model"),
    [
        ({"model": "m", "usage": {"prompt_tokens": 1}}, {"prompt_tokens": 1}, "m"),
        ({"modelVersion": "g", "usageMetadata": {"promptTokenCount": 1}}, {"promptTokenCount": 1}, "g"),
        ([{"usageMetadata": {"promptTokenCount": n}} for n in (1, 2)], {"promptTokenCount": 2}, ""),
        ({"model": ["x"], "usage": [1]}, None, ""),
        ({"model": None, "usage": {}}, None, ""),
        ({"usage": {"n": 10**30}}, {"n": 1e30}, ""),
        ("text", None, ""),
    ],
)
def test_json_answers(answer: Any, usage: Any, model: str) -> None:
    found = collect(JSON, json.dumps(answer).encode()).found
    assert (found.usage, found.model) == (usage, model)


def test_errors_are_read() -> None:
    body = {"error": {"message": "too many", "type": "requests", "code": "rate_limit_exceeded"}}
    found = collect(JSON, json.dumps(body).encode()).found
    assert (found.error_code, found.error_message) == ("rate_limit_exceeded", "too many")
    found = collect(
        SSE, sse({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    ).found
    assert (found.error_code, found.error_message) == ("overloaded_error", "busy")


@pytest.mark.parametrize("size", [1_000, 64_000, 3_000_000])
def test_usage_at_the_end_of_a_long_answer(size: int) -> None:
    body = {"model": "e", "data": [[0.1234567] * 200_000, 'x "usage": {'], "usage": {"prompt_tokens": 8}}
    data = json.dumps(body).encode()
    assert len(data) > 1 << 20
    found = collect(JSON, data, size).found
    assert (found.usage, found.model) == ({"prompt_tokens": 8}, "e")


def test_usage_in_an_event_too_long_to_be_kept() -> None:
    event = {
        "type": "response.completed",
        "response": {"output": "x" * 2_000_000, "model": "m", "usage": {"input_tokens": 6}},
    }
    assert collect(SSE, sse(event, {"a": 1}), 60_000).found.usage == {"input_tokens": 6}


def test_usage_of_absurd_size_is_refused() -> None:
    assert collect(JSON, json.dumps({"usage": {"x": "y" * 100_000}}).encode(), 1000).found.usage is None


def test_other_types_are_not_read() -> None:
    assert collect("audio/mpeg", b'{"usage": {"prompt_tokens": 1}}').found.usage is None


@given(st.sampled_from([SSE, JSON]), st.binary(max_size=300), st.integers(min_value=1, max_value=50))
def test_garbage_never_raises(content_type: str, data: bytes, size: int) -> None:
    collect(content_type, data, size)
    collect(content_type, b"data: {" + data + b"}\n\n", size)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["usage", "model", "error", "response", "message", "type"]), inner
            )
        ),
    )
)
def test_any_json_never_raises(value: Any) -> None:
    collect(JSON, json.dumps(value).encode())
    collect(SSE, sse(value))


@pytest.mark.parametrize(
    ("usage", "expected", "flavor"),
    [
        ({"prompt_tokens": 1}, "openai.chat", "openai.chat"),
        ({"prompt_tokens": 1}, "openai.embeddings", "openai.embeddings"),
        ({"prompt_tokens": 1}, "openai.responses", "openai.chat"),
        ({"input_tokens": 1}, "anthropic.messages", "anthropic.messages"),
        ({"input_tokens": 1}, "", "openai.responses"),
        ({"promptTokenCount": 1}, "", "google.generate"),
        ({"search_units": 1}, "openai.chat", "openai.chat"),
        (None, "openai.chat", ""),
        ({}, "openai.chat", ""),
    ],
)
def test_flavor(usage: dict[str, Any] | None, expected: str, flavor: str) -> None:
    assert flavor_of(usage, expected) == flavor
