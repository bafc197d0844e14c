"""A simulator that others wrote and maintain (aimock, from npm) as the provider of everything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallygate.infra.kafka.dev_broker import free_port
from tests.contract.asks import CLAUDES_TOOL, TOOL
from tests.contract.conftest import NODE, System, answers, system_before
from tests.contract.wire import Wire, anthropic_sync, openai_async, openai_sync
from tests.support.processes import Started
from tests.support.wait import eventually_sync

HELLO: Any = [{"role": "user", "content": "hello"}]
WEATHER: Any = [{"role": "user", "content": "weather"}]
GREETING = "Hello! How can I help you today?"
USAGE = {"include_usage": True}


@pytest.fixture(scope="module")
def others(node_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system before aimock."""
    directory = tmp_path_factory.mktemp("aimock")
    port = free_port()
    program = node_packages / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    arguments = ["node", str(program), "--port", str(port), "--fixtures", str(NODE / "fixtures.json")]
    with Started(arguments, {}, directory / "log") as process:
        url = f"http://127.0.0.1:{port}"
        eventually_sync(lambda: answers(f"{url}/v1/models", process))
        with system_before(url, directory) as system:
            yield system


@pytest.fixture
def wire(others: System) -> Iterator[Wire]:
    """What the client saw; at the end, equal to what the provider saw."""
    begin = len(others.tap.exchanges)
    kept = Wire()
    yield kept
    assert kept.pairs
    assert kept.pairs == [(each.sent, each.got) for each in others.tap.since(begin)]


def test_openai_sync(others: System, wire: Wire) -> None:
    with openai_sync(others, wire) as sdk:
        create = sdk.chat.completions.create
        plain = create(model="gpt-4o", messages=HELLO)
        assert plain.choices[0].message.content == GREETING
        assert plain.usage
        row = others.row(wire.ids[-1])
        assert (row["input_tokens"], row["output_tokens"]) == (
            plain.usage.prompt_tokens,
            plain.usage.completion_tokens,
        )
        parts: Any = create(model="gpt-4o", messages=HELLO, stream=True, stream_options=USAGE)  # type: ignore[call-overload]
        text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
        assert text == GREETING
        called = create(model="gpt-4o", messages=WEATHER, tools=[TOOL])
        assert called.choices[0].finish_reason == "tool_calls"
        assert sdk.embeddings.create(model="text-embedding-3-small", input="a").data[0].embedding
        assert sdk.responses.create(model="gpt-4o", input="hello").output_text == GREETING


async def test_openai_async(others: System, wire: Wire) -> None:
    async with openai_async(others, wire) as sdk:
        async with sdk.responses.stream(model="gpt-4o", input="hello") as events:
            assert (await events.get_final_response()).output_text == GREETING
        assert (await sdk.moderations.create(input="x")).results


def test_anthropic_sync(others: System, wire: Wire) -> None:
    with anthropic_sync(others, wire) as sdk:
        plain: Any = sdk.messages.create(model="claude-sonnet-4-6", max_tokens=99, messages=HELLO)
        assert plain.content[0].text == GREETING
        with sdk.messages.stream(model="claude-sonnet-4-6", max_tokens=99, messages=HELLO) as stream:
            assert "".join(stream.text_stream) == GREETING
        called = sdk.messages.create(
            model="claude-sonnet-4-6", max_tokens=99, messages=WEATHER, tools=[CLAUDES_TOOL]
        )
        assert called.stop_reason == "tool_use"


def test_each_by_the_others_package(others: System) -> None:
    kept = Wire()
    with openai_sync(others, kept) as sdk:
        create = sdk.chat.completions.create
        plain = create(model="claude-sonnet-4-6", max_tokens=99, messages=HELLO)
        assert plain.choices[0].message.content == GREETING
        parts = create(model="claude-sonnet-4-6", max_tokens=99, messages=HELLO, stream=True)
        assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == GREETING
        called = create(model="claude-sonnet-4-6", max_tokens=99, messages=WEATHER, tools=[TOOL])
        assert called.choices[0].finish_reason == "tool_calls"
    with anthropic_sync(others, kept) as other:
        told: Any = other.messages.create(model="gpt-4o", max_tokens=99, messages=HELLO)
        assert (told.content[0].text, told.stop_reason) == (GREETING, "end_turn")
        with other.messages.stream(model="gpt-4o", max_tokens=99, messages=HELLO) as stream:
            assert "".join(stream.text_stream) == GREETING
