"""Every provider's answer for every caller, whole and streamed, checked by the callers' own SDKs' types."""

import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tallygate.edge.dialects.table import TRANSLATIONS
from tests.edge.dialects.provider_answers import ANSWERS, BROKEN_STREAMS, ERRORS
from tests.edge.dialects.support import (
    answered,
    assert_cut_anywhere,
    begin,
    events_of,
    streamed,
)

REQUESTS: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "Weather?"}],
        "stream_options": {"include_usage": True},
    },
    "openai.responses": {"model": "m", "input": "Weather?"},
    "anthropic.messages": {
        "model": "m",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Weather?"}],
    },
}
PAIRS = sorted(TRANSLATIONS)
TEXT = "Let me look ☀️."
CALLS = [("get_weather", {"city": "Köln"}), ("get_weather", {"city": "Bonn"})]
THINKS = {"anthropic.messages", "google.generate", "bedrock.converse"}
SIGNS = {"anthropic.messages", "bedrock.converse"}
WRITES_CACHE = {"anthropic.messages", "bedrock.converse"}
DOES_NOT_COUNT_THOUGHTS = {"bedrock.converse"}

ANTHROPIC_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
RESPONSES_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def stream_of(caller: Any, provider: Any) -> bytes:
    return assert_cut_anywhere(
        begin(caller, provider, REQUESTS[caller] | {"stream": True}), ANSWERS[provider][1]
    )


@pytest.mark.parametrize(("caller", "provider"), [pair for pair in PAIRS if pair[0] == "openai.chat"])
def test_chat_completion(caller: Any, provider: Any) -> None:
    body = answered(begin(caller, provider, REQUESTS[caller]), ANSWERS[provider][0])
    completion = ChatCompletion.model_validate(body, strict=True)
    message = completion.choices[0].message
    assert message.content == TEXT
    assert completion.choices[0].finish_reason == "tool_calls"
    called = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]  # type: ignore[union-attr]
    assert called == CALLS
    assert len({call.id for call in message.tool_calls or []}) == 2
    usage = completion.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (420, 50, 470)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 300
    assert usage.prompt_tokens_details.cache_write_tokens == (20 if provider in WRITES_CACHE else 0)
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == (
        0 if provider in DOES_NOT_COUNT_THOUGHTS else 12
    )
    assert body["choices"][0]["message"]["reasoning_content"] == "The user wants weather."
    blocks = body["choices"][0]["message"].get("thinking_blocks")
    assert (blocks[0]["signature"] != "") == (provider in SIGNS)


@pytest.mark.parametrize(("caller", "provider"), [pair for pair in PAIRS if pair[0] == "openai.chat"])
def test_chat_stream(caller: Any, provider: Any) -> None:
    stream = stream_of(caller, provider)
    assert stream.endswith(b"data: [DONE]\n\n")
    chunks = [ChatCompletionChunk.model_validate(event, strict=True) for event in events_of(stream)]
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == TEXT
    calls: dict[int, list[str]] = {}
    for tool in (tool for delta in deltas for tool in delta.tool_calls or []):
        assert tool.function is not None
        calls.setdefault(tool.index, ["", ""])
        calls[tool.index][0] += tool.function.name or ""
        calls[tool.index][1] += tool.function.arguments or ""
    assert [(name, json.loads(arguments)) for name, arguments in calls.values()] == CALLS
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "tool_calls"
    assert len({chunk.id for chunk in chunks}) == 1
    last = chunks[-1]
    assert last.choices == []
    whole = answered(begin(caller, provider, REQUESTS[caller]), ANSWERS[provider][0])
    assert last.usage is not None
    assert events_of(stream)[-1]["usage"] == whole["usage"]
    thoughts = [event["choices"][0]["delta"] for event in events_of(stream) if event["choices"]]
    assert "".join(delta.get("reasoning_content", "") for delta in thoughts) == "The user wants weather."
    blocks = [block for delta in thoughts for block in delta.get("thinking_blocks", [])]
    if provider in SIGNS:
        assert blocks == whole["choices"][0]["message"]["thinking_blocks"]


def test_chat_stream_without_usage_unless_asked() -> None:
    request = REQUESTS["openai.chat"] | {"stream_options": None, "stream": True}
    stream = streamed(begin("openai.chat", "anthropic.messages", request), [ANSWERS["anthropic.messages"][1]])
    assert all(event["choices"] and "usage" not in event for event in events_of(stream))


@pytest.mark.parametrize(("caller", "provider"), [pair for pair in PAIRS if pair[0] == "anthropic.messages"])
def test_anthropic_message(caller: Any, provider: Any) -> None:
    body = answered(begin(caller, provider, REQUESTS[caller]), ANSWERS[provider][0])
    message = Message.model_validate(body, strict=True)
    assert message.stop_reason == "tool_use"
    assert [block.text for block in message.content if block.type == "text"] == [TEXT]
    used = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert used == CALLS
    thoughts = [block for block in message.content if block.type == "thinking"]
    assert [block.thinking for block in thoughts] == (
        ["The user wants weather."] if provider in THINKS else []
    )
    usage = message.usage
    written = 20 if provider in WRITES_CACHE else 0
    assert (usage.input_tokens, usage.cache_creation_input_tokens) == (120 - written, written)
    assert (usage.cache_read_input_tokens, usage.output_tokens) == (300, 50)


@pytest.mark.parametrize(("caller", "provider"), [pair for pair in PAIRS if pair[0] == "anthropic.messages"])
def test_anthropic_stream(caller: Any, provider: Any) -> None:
    stream = stream_of(caller, provider)
    events = [ANTHROPIC_EVENT.validate_python(event, strict=True) for event in events_of(stream)]
    assert events[0].type == "message_start"
    assert [event.type for event in events[-2:]] == ["message_delta", "message_stop"]
    opened: list[int] = []
    for event in events:
        if event.type == "content_block_start":
            assert not opened
            opened.append(event.index)
        elif event.type == "content_block_delta":
            assert opened == [event.index]
        elif event.type == "content_block_stop":
            assert opened.pop() == event.index
    names = [line for line in stream.decode().split("\n") if line.startswith("event: ")]
    assert names == [f"event: {event.type}" for event in events]
    text = "".join(
        event.delta.text
        for event in events
        if event.type == "content_block_delta" and event.delta.type == "text_delta"
    )
    assert text == TEXT
    assert events[-2].delta.stop_reason == "tool_use"
    whole = answered(begin(caller, provider, REQUESTS[caller]), ANSWERS[provider][0])
    assert events_of(stream)[-2]["usage"] == whole["usage"]


@pytest.mark.parametrize(("caller", "provider"), [pair for pair in PAIRS if pair[0] == "openai.responses"])
def test_response(caller: Any, provider: Any) -> None:
    body = answered(begin(caller, provider, REQUESTS[caller]), ANSWERS[provider][0])
    response = Response.model_validate(body, strict=True)
    assert response.output_text == TEXT
    assert response.status == "completed"
    called = [
        (item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"
    ]
    assert called == CALLS
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (420, 50)
    assert response.usage.input_tokens_details.cached_tokens == 300
    assert len({item.id for item in response.output}) == len(response.output)
    thoughts = [item for item in response.output if item.type == "reasoning"]
    assert [item.summary[0].text for item in thoughts] == (
        ["The user wants weather."] if provider in THINKS else []
    )


@pytest.mark.parametrize(("caller", "provider"), [pair for pair in PAIRS if pair[0] == "openai.responses"])
def test_response_stream(caller: Any, provider: Any) -> None:
    stream = stream_of(caller, provider)
    events = [RESPONSES_EVENT.validate_python(event, strict=True) for event in events_of(stream)]
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert [item.id for item in done] == [item.id for item in events[-1].response.output]
    whole = answered(begin(caller, provider, REQUESTS[caller]), ANSWERS[provider][0])
    last = events_of(stream)[-1]["response"]
    assert normal(last["output"]) == normal(whole["output"])
    assert last["usage"] == whole["usage"]


def normal(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items with arguments as objects: white space in them is the model's."""
    return [
        item | ({"arguments": json.loads(item["arguments"])} if "arguments" in item else {})
        for item in output
    ]


@pytest.mark.parametrize(("caller", "provider"), PAIRS)
def test_error(caller: Any, provider: Any) -> None:
    body = answered(begin(caller, provider, REQUESTS[caller]), ERRORS[provider], status=429)
    assert body["error"]["message"] == "Slow down"
    assert body["error"]["type"] == "rate_limit_error"
    assert (body.get("type") == "error") == (caller == "anthropic.messages")


@pytest.mark.parametrize(("caller", "provider"), PAIRS)
@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad Gateway</html>", b'"no"', b"[]", b'{"error": "plain"}', b"\xff"]
)
def test_error_that_is_not_of_the_dialect(caller: Any, provider: Any, body: bytes) -> None:
    status, out = begin(caller, provider, REQUESTS[caller]).response(503, body)
    assert status == 503
    assert json.loads(out)["error"]["message"]


@pytest.mark.parametrize(("caller", "provider"), PAIRS)
@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"choices": []}', b'{"content": "x"}'])
def test_success_that_is_not_of_the_dialect(caller: Any, provider: Any, body: bytes) -> None:
    status, out = begin(caller, provider, REQUESTS[caller]).response(200, body)
    assert status == 502
    assert json.loads(out)["error"]["message"].startswith("the provider's answer")


@pytest.mark.parametrize(("caller", "provider"), PAIRS)
def test_stream_that_fails(caller: Any, provider: Any) -> None:
    exchange = begin(caller, provider, REQUESTS[caller] | {"stream": True})
    translator = exchange.stream()
    out = translator.feed(BROKEN_STREAMS[provider]) + translator.close()
    assert not translator.complete
    assert translator.error is not None
    assert b"[DONE]" not in out
    last = events_of(out)[-1]
    if caller == "openai.responses":
        assert RESPONSES_EVENT.validate_python(last, strict=True).type == "response.failed"
        assert last["response"]["error"]["message"] == translator.error.message
    else:
        assert last["error"]["message"] == translator.error.message
    assert translator.feed(ANSWERS[provider][1]) == b""
    assert translator.close() == b""


@pytest.mark.parametrize(("caller", "provider"), PAIRS)
def test_stream_that_ends_early_anywhere(caller: Any, provider: Any) -> None:
    exchange = begin(caller, provider, REQUESTS[caller] | {"stream": True})
    stream = ANSWERS[provider][1]
    for at in range(0, len(stream), 7):
        translator = exchange.stream()
        translator.feed(stream[:at])
        translator.close()
        assert translator.complete is (translator.error is None)
