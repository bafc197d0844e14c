"""One SDK, another provider: Claude and Gemini by `openai`, GPT by `anthropic`, before the simulator."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tallygate.infra.simulator import RunningSimulator, running_simulator
from tallygate.schemas.events import ResponseEvent
from tests.support.edge import Edge, edge_before

KEYS = {
    "OPENAI_API_KEY": "sk-openai",
    "ANTHROPIC_API_KEY": "sk-anthropic",
    "GEMINI_API_KEY": "sk-google",
    "GROQ_API_KEY": "gsk-groq",
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
OTHERS = ["claude-sonnet-4-5", "gemini-2.5-flash"]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass
class World:
    """An edge in front of a simulator, with the SDKs pointed at it."""

    edge: Edge
    simulator: RunningSimulator
    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic

    @property
    def path(self) -> str:
        """The last path that the simulator was asked for."""
        return self.simulator.seen[-1].path

    @property
    def event(self) -> ResponseEvent:
        """The last call's record."""
        return self.edge.responses()[-1]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with (
        running_simulator() as simulator,
        edge_before(tmp_path, simulator.url, KEYS) as edge,
        openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="none", max_retries=0) as one,
        anthropic.AsyncAnthropic(base_url=edge.url, api_key="none", max_retries=0) as other,
    ):
        yield World(edge, simulator, one, other)


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("model", "path", "flavor"),
    [
        (OTHERS[0], "/v1/messages", "anthropic.messages"),
        (OTHERS[1], "/v1beta/models/gemini-2.5-flash:generateContent", "google.generate"),
    ],
)
async def test_a_chat(model: str, path: str, flavor: str, world: World) -> None:
    answer = await world.openai.chat.completions.create(model=model, messages=user("Hello"), max_tokens=500)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert world.path == path
    event = world.event
    assert (event.endpoint, event.usage_flavor, event.outcome) == ("chat/completions", flavor, "ok")
    assert event.usage
    assert event.response_body is not None
    assert json.loads(event.response_body.text)["choices"]


@pytest.mark.parametrize("model", OTHERS)
@pytest.mark.parametrize("asked", [True, False])
async def test_a_chat_streamed(model: str, asked: bool, world: World) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if asked else {}
    stream = await world.openai.chat.completions.create(
        model=model, messages=user("Tell me a story"), max_tokens=500, stream=True, **options
    )
    chunks = [part async for part in stream]
    text = "".join(part.choices[0].delta.content or "" for part in chunks if part.choices)
    assert len(text) > 10
    assert [part.choices[0].finish_reason for part in chunks if part.choices][-1] == "stop"
    assert [part.usage is not None for part in chunks][-1] is asked
    event = world.event
    assert (event.outcome, event.stream) == ("ok", True)
    assert event.usage
    assert event.response_body is not None
    assert event.response_body.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("model", OTHERS)
async def test_tools_over_several_turns(model: str, world: World) -> None:
    messages = user("What is the weather in Paris?")
    first = await world.openai.chat.completions.create(
        model=model, messages=messages, tools=[TOOL], tool_choice="required", max_tokens=500
    )
    calls = first.choices[0].message.tool_calls
    assert calls
    assert first.choices[0].finish_reason == "tool_calls"
    results: Any = [{"role": "tool", "tool_call_id": call.id, "content": "21 degrees"} for call in calls]
    said: Any = first.choices[0].message.model_dump(exclude_none=True)
    second = await world.openai.chat.completions.create(
        model=model,
        messages=[*messages, said, *results],
        tools=[TOOL],
        max_tokens=500,
    )
    assert second.choices[0].finish_reason in {"stop", "tool_calls"}


@pytest.mark.parametrize("model", OTHERS)
async def test_images_and_structured_output(model: str, world: World) -> None:
    content: Any = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    answer = await world.openai.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": content}],
        max_tokens=500,
        response_format={
            "type": "json_schema",
            "json_schema": {
                "name": "thing",
                "schema": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}},
                    "required": ["name"],
                    "additionalProperties": False,
                },
            },
        },
    )
    assert answer.choices[0].message.content
    assert PIXEL.encode() in world.simulator.seen[-1].body


@pytest.mark.parametrize("model", OTHERS)
async def test_the_responses_api(model: str, world: World) -> None:
    answer = await world.openai.responses.create(model=model, input="Hello", max_output_tokens=500)
    assert answer.output_text
    assert answer.usage is not None
    async with world.openai.responses.stream(model=model, input="Hello") as stream:
        kinds = [event.type async for event in stream]
    assert kinds[-1] == "response.completed"
    assert [each.outcome for each in world.edge.responses()] == ["ok", "ok"]


async def test_responses_of_openai_pass_as_they_are(world: World) -> None:
    await world.openai.responses.create(model="gpt-4o", input="Hello")
    assert world.path == "/v1/responses"
    await world.openai.responses.create(model="groq/llama-3.1-8b-instant", input="Hello")
    assert world.path == "/openai/v1/chat/completions"


@pytest.mark.parametrize(
    ("status", "kind"), [(429, openai.RateLimitError), (529, openai.InternalServerError)]
)
async def test_errors_are_translated(status: int, kind: type[openai.APIStatusError], world: World) -> None:
    with pytest.raises(kind) as caught:
        await world.openai.chat.completions.create(
            model=OTHERS[0], messages=user("x"), extra_headers={"x-simulate": f"status={status}"}
        )
    assert "asked to fail" in caught.value.message
    assert isinstance(caught.value.body, dict)
    assert caught.value.response.headers["retry-after"]
    assert (world.event.status, world.event.outcome) == (status, "provider_error")


async def test_a_broken_stream_is_an_error_for_the_caller(world: World) -> None:
    stream = await world.openai.chat.completions.create(
        model=OTHERS[0], messages=user("x"), stream=True, extra_headers={"x-simulate": "cut_after=4"}
    )
    with pytest.raises(openai.APIError, match="stream"):
        [part async for part in stream]
    event = world.event
    assert (event.outcome, event.attempts[0].error) == ("provider_error", "closed")


async def test_what_cant_be_translated_names_its_field_unless_it_may_be_dropped(world: World) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await world.openai.chat.completions.create(model=OTHERS[0], messages=user("x"), seed=7)
    assert (caught.value.param, caught.value.code) == ("seed", "invalid_request")
    assert world.simulator.seen == []
    answer = await world.openai.chat.completions.create(
        model=OTHERS[0], messages=user("x"), seed=7, extra_headers={"Tallygate-Drop-Unsupported": "true"}
    )
    assert answer.choices


async def test_a_fallback_crosses_dialects(world: World) -> None:
    answer = await world.openai.chat.completions.with_raw_response.create(
        model="gpt-4o",
        messages=user("Hello"),
        extra_headers={
            "Helicone-Fallback-Model": "claude-sonnet-4-5",
            "x-simulate": "fail_times=1; key=cross; status=503",
        },
    )
    assert answer.headers["Tallygate-Provider"] == "anthropic"
    assert answer.parse().choices[0].message.content
    assert [each.provider for each in world.event.attempts] == ["openai", "anthropic"]


@pytest.mark.parametrize("model", ["gpt-4o", "gemini-2.5-flash", "groq/llama-3.1-8b-instant"])
async def test_others_by_anthropics_sdk(model: str, world: World) -> None:
    message = await world.anthropic.messages.create(model=model, max_tokens=500, messages=user("Hello"))
    assert message.content[0].type == "text"
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 0
    async with world.anthropic.messages.stream(model=model, max_tokens=500, messages=user("Hi")) as stream:
        text = "".join([part async for part in stream.text_stream])
        final = await stream.get_final_message()
    assert text
    assert final.usage.output_tokens > 0
    assert [each.endpoint for each in world.edge.responses()] == ["messages", "messages"]
    assert all(each.usage for each in world.edge.responses())


async def test_gpts_tools_and_errors_by_anthropics_sdk(world: World) -> None:
    tool: Any = {"name": "get_weather", "input_schema": TOOL["function"]["parameters"]}
    messages = user("What is the weather in Paris?")
    first = await world.anthropic.messages.create(
        model="gpt-4o", max_tokens=500, messages=messages, tools=[tool], tool_choice={"type": "any"}
    )
    assert first.stop_reason == "tool_use"
    uses = [block for block in first.content if block.type == "tool_use"]
    results: Any = [{"type": "tool_result", "tool_use_id": use.id, "content": "21"} for use in uses]
    second = await world.anthropic.messages.create(
        model="gpt-4o",
        max_tokens=500,
        tools=[tool],
        messages=[
            *messages,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ],
    )
    assert second.content
    with pytest.raises(anthropic.RateLimitError) as caught:
        await world.anthropic.messages.create(
            model="gpt-4o", max_tokens=9, messages=user("x"), extra_headers={"x-simulate": "status=429"}
        )
    assert caught.value.body["error"]["type"] == "rate_limit_error"  # type: ignore[index]


async def test_claude_by_its_own_sdk_passes_byte_for_byte(world: World) -> None:
    raw = b'{ "model" : "claude-x", "max_tokens":20,"messages":[{"role":"user","content":"\\u00e9 x"}] }'
    status, _ = await world.edge.post("/v1/messages", raw, headers={"content-type": "application/json"})
    assert (status, world.simulator.seen[-1].body) == (200, raw)
