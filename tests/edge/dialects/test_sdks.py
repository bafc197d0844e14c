"""The real `openai` and `anthropic` packages, calling models of other dialects through the translation."""

import json
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from tests.edge.dialects.provider_answers import ANSWERS, BROKEN_STREAMS, ERRORS
from tests.edge.dialects.support import anthropic_sdk, openai_sdk

Json = dict[str, Any]
PROVIDERS = ["anthropic.messages", "google.generate", "bedrock.converse"]
OTHERS = ["openai.chat", "google.generate", "bedrock.converse"]
TEXT = "Let me look ☀️."
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
HI: Any = [{"role": "user", "content": "Weather?"}]


class Upstream:
    """Answers every call alike, and keeps what it was sent."""

    def __init__(self, provider: str, *, stream: bool = False) -> None:
        whole, streamed = ANSWERS[provider]
        self.body = streamed if stream else json.dumps(whole).encode()
        self.status = 200
        self.seen: list[Json] = []

    def __call__(self, body: Json) -> tuple[int, bytes]:
        self.seen.append(body)
        return self.status, self.body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_openai_calls_tools_over_several_turns(provider: Any) -> None:
    upstream = Upstream(provider)
    client = openai_sdk(provider, upstream)
    first = client.chat.completions.create(model="m", messages=HI, tools=[WEATHER], temperature=0.3)
    message = first.choices[0].message
    assert message.content == TEXT
    results: Any = [
        {"role": "tool", "tool_call_id": call.id, "content": "Rain"} for call in message.tool_calls or []
    ]
    assert len(results) == 2
    turns: Any = [*HI, message, *results]
    client.chat.completions.create(model="m", messages=turns, tools=[WEATHER])
    assert len(upstream.seen) == 2
    sent = json.dumps(upstream.seen[1], ensure_ascii=False)
    assert "Köln" in sent
    assert "Rain" in sent
    assert ("EqQBCgIYAhIM" in sent) == (provider != "google.generate")
    assert ("Q29udGV4dA==" in sent) == (provider == "google.generate")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_openai_streams(provider: Any) -> None:
    client = openai_sdk(provider, Upstream(provider, stream=True))
    with client.chat.completions.stream(
        model="m", messages=HI, tools=[WEATHER], stream_options={"include_usage": True}
    ) as stream:
        kinds = {event.type for event in stream}
        completion = stream.get_final_completion()
    assert "content.delta" in kinds
    message = completion.choices[0].message
    assert message.content == TEXT
    assert [json.loads(call.function.arguments) for call in message.tool_calls or []] == [
        {"city": "Köln"},
        {"city": "Bonn"},
    ]
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 420


class Place(BaseModel):
    """What is asked for."""

    city: str


def test_openai_parses_structured_output() -> None:
    upstream = Upstream("anthropic.messages")
    answer = ANSWERS["anthropic.messages"][0] | {
        "content": [{"type": "text", "text": '{"city": "Bonn"}'}],
        "stop_reason": "end_turn",
    }
    upstream.body = json.dumps(answer).encode()
    client = openai_sdk("anthropic.messages", upstream)
    completion = client.chat.completions.parse(model="m", messages=HI, response_format=Place)
    assert completion.choices[0].message.parsed == Place(city="Bonn")
    schema = upstream.seen[0]["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("provider", PROVIDERS)
def test_openai_raises_errors(provider: Any) -> None:
    upstream = Upstream(provider)
    upstream.status, upstream.body = 429, json.dumps(ERRORS[provider]).encode()
    with pytest.raises(openai.RateLimitError, match="Slow down"):
        openai_sdk(provider, upstream).chat.completions.create(model="m", messages=HI)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_openai_raises_when_a_stream_breaks(provider: Any) -> None:
    upstream = Upstream(provider)
    upstream.body = BROKEN_STREAMS[provider]
    stream = openai_sdk(provider, upstream).chat.completions.create(model="m", messages=HI, stream=True)
    with pytest.raises(openai.APIError):
        list(stream)


@pytest.mark.parametrize("provider", ["openai.chat", *PROVIDERS])
def test_responses(provider: Any) -> None:
    upstream = Upstream(provider)
    client = openai_sdk(provider, upstream, "openai.responses")
    tool: Any = {"type": "function", "strict": False} | WEATHER["function"]
    response = client.responses.create(model="m", input="Weather?", tools=[tool])
    assert response.output_text == TEXT
    calls = [item for item in response.output if item.type == "function_call"]
    results: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "Rain"} for call in calls
    ]
    turns: Any = [*HI, *response.output, *results]
    client.responses.create(model="m", input=turns, tools=[tool])
    sent = json.dumps(upstream.seen[1], ensure_ascii=False)
    assert "Köln" in sent
    assert "Rain" in sent
    assert ("EqQBCgIYAhIM" in sent) == (provider in ("anthropic.messages", "bedrock.converse"))


@pytest.mark.parametrize("provider", ["openai.chat", *PROVIDERS])
def test_responses_stream(provider: Any) -> None:
    client = openai_sdk(provider, Upstream(provider, stream=True), "openai.responses")
    with client.responses.stream(model="m", input="Weather?") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()
    assert "".join(deltas) == TEXT
    assert response.output_text == TEXT
    assert response.usage is not None
    assert response.usage.output_tokens == 50


ANTHROPIC_TOOL: Any = {"name": "get_weather", "input_schema": WEATHER["function"]["parameters"]}


@pytest.mark.parametrize("provider", OTHERS)
def test_anthropic_calls_tools_over_several_turns(provider: Any) -> None:
    upstream = Upstream(provider)
    client = anthropic_sdk(provider, upstream)
    message = client.messages.create(model="m", max_tokens=500, messages=HI, tools=[ANTHROPIC_TOOL])
    assert message.stop_reason == "tool_use"
    results: Any = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "Rain"}
        for block in message.content
        if block.type == "tool_use"
    ]
    turns: Any = [
        *HI,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]
    client.messages.create(model="m", max_tokens=500, messages=turns, tools=[ANTHROPIC_TOOL])
    sent = json.dumps(upstream.seen[1], ensure_ascii=False)
    assert "Köln" in sent
    assert sent.count("Rain") == 2


@pytest.mark.parametrize("provider", OTHERS)
def test_anthropic_streams(provider: Any) -> None:
    client = anthropic_sdk(provider, Upstream(provider, stream=True))
    with client.messages.stream(model="m", max_tokens=500, messages=HI, tools=[ANTHROPIC_TOOL]) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == TEXT
    used = [block.input for block in message.content if block.type == "tool_use"]
    assert used == [{"city": "Köln"}, {"city": "Bonn"}]
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens == 50
    assert message.usage.cache_read_input_tokens == 300


@pytest.mark.parametrize("provider", OTHERS)
def test_anthropic_raises_errors(provider: Any) -> None:
    upstream = Upstream(provider)
    upstream.status, upstream.body = 429, json.dumps(ERRORS[provider]).encode()
    with pytest.raises(anthropic.RateLimitError, match="Slow down"):
        anthropic_sdk(provider, upstream).messages.create(model="m", max_tokens=5, messages=HI)


@pytest.mark.parametrize("provider", OTHERS)
def test_anthropic_raises_when_a_stream_breaks(provider: Any) -> None:
    upstream = Upstream(provider)
    upstream.body = BROKEN_STREAMS[provider]
    client = anthropic_sdk(provider, upstream)
    with (
        pytest.raises(anthropic.APIError),
        client.messages.stream(model="m", max_tokens=5, messages=HI) as stream,
    ):
        stream.until_done()
