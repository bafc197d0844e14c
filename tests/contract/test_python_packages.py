"""Official Python packages, sync and async: every byte passes unchanged, both ways, where dialects agree."""

from collections.abc import Iterator

import pytest

from tests.contract.asks import CLAUDES_PICTURE, CLAUDES_TOOL, HI, PICTURE, TOOL, Answer
from tests.contract.conftest import System
from tests.contract.wire import Wire, anthropic_async, anthropic_sync, openai_async, openai_sync

USAGE = {"include_usage": True}
BATCH = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


@pytest.fixture
def wire(system: System) -> Iterator[Wire]:
    """What the client saw; at the end, equal to what the provider saw, and all of it stored."""
    begin = len(system.tap.exchanges)
    kept = Wire()
    yield kept
    assert kept.pairs
    assert kept.pairs == [(each.sent, each.got) for each in system.tap.since(begin)]
    assert set(kept.statuses) == {200}
    assert {system.row(each)["outcome"] for each in kept.ids} == {"ok"}


def test_openai_sync(system: System, wire: Wire) -> None:
    with openai_sync(system, wire) as sdk:
        create = sdk.chat.completions.create
        assert create(model="gpt-4o", messages=HI).choices[0].finish_reason == "stop"
        forced = create(
            model="gpt-4o", messages=HI, tools=[TOOL], tool_choice="required", parallel_tool_calls=True
        )
        assert forced.choices[0].message.tool_calls
        parsed = sdk.chat.completions.parse(model="gpt-4o", messages=HI, response_format=Answer)
        assert isinstance(parsed.choices[0].message.parsed, Answer)
        assert create(model="gpt-4o", messages=PICTURE).usage
        parts = list(create(model="gpt-4o", messages=HI, stream=True, stream_options=USAGE))  # type: ignore[call-overload]
        assert parts[-1].usage.total_tokens
        assert sdk.responses.parse(model="gpt-4o", input="Hi", text_format=Answer).output_parsed
        assert len(sdk.embeddings.create(model="text-embedding-3-small", input=["a", "b"]).data) == 2
        spoken = sdk.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello")
        assert spoken.content.startswith(b"\xff\xfb")
        heard = sdk.audio.transcriptions.create(model="whisper-1", file=("a.mp3", bytes(range(256)) * 99))
        assert heard.text
        assert sdk.images.generate(model="gpt-image-1", prompt="x").data
        assert sdk.moderations.create(input="x").results
        file = sdk.files.create(file=("data.jsonl", b'{"a":1}\n'), purpose="batch")
        assert sdk.files.content(file.id).content == b'{"line": 1}\n'
        batch = sdk.batches.create(input_file_id=file.id, **BATCH)  # type: ignore[arg-type]
        assert sdk.batches.retrieve(batch.id).status == "in_progress"
        assert [each.id for each in sdk.batches.list()] == [batch.id]
        assert sdk.batches.cancel(batch.id).status == "cancelling"
        assert sdk.files.delete(file.id).deleted


async def test_openai_async(system: System, wire: Wire) -> None:
    async with openai_async(system, wire) as sdk:
        create = sdk.chat.completions.create
        assert (await create(model="gpt-4o", messages=HI)).usage
        forced = await create(model="gpt-4o", messages=HI, tools=[TOOL], tool_choice="required")
        assert forced.choices[0].message.tool_calls
        parsed = await sdk.chat.completions.parse(model="gpt-4o", messages=HI, response_format=Answer)
        assert parsed.choices[0].message.parsed
        assert (await create(model="gpt-4o", messages=PICTURE)).choices
        stream = await create(model="gpt-4o", messages=HI, stream=True, stream_options=USAGE)  # type: ignore[call-overload]
        assert [part async for part in stream][-1].usage
        async with sdk.responses.stream(model="gpt-4o", input="Hi") as events:
            assert [event.type async for event in events][-1] == "response.completed"
        assert (await sdk.embeddings.create(model="text-embedding-3-small", input="a")).data
        spoken = await sdk.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello")
        assert spoken.content
        assert (await sdk.audio.transcriptions.create(model="whisper-1", file=("a.mp3", b"\xff" * 999))).text
        file = await sdk.files.create(file=("data.jsonl", b'{"a":1}\n'), purpose="batch")
        assert [each.id async for each in sdk.files.list()] == [file.id]
        batch = await sdk.batches.create(input_file_id=file.id, **BATCH)  # type: ignore[arg-type]
        assert (await sdk.batches.retrieve(batch.id)).id == batch.id


def test_anthropic_sync(system: System, wire: Wire) -> None:
    with anthropic_sync(system, wire) as sdk:
        create = sdk.messages.create
        assert create(model="claude-sonnet-4-6", max_tokens=200, messages=HI).stop_reason == "end_turn"
        forced = create(
            model="claude-sonnet-4-6",
            max_tokens=200,
            messages=HI,
            tools=[CLAUDES_TOOL],
            tool_choice={"type": "any", "disable_parallel_tool_use": False},
        )
        assert forced.stop_reason == "tool_use"
        assert create(model="claude-sonnet-4-6", max_tokens=20, messages=CLAUDES_PICTURE).content
        with sdk.messages.stream(model="claude-sonnet-4-6", max_tokens=200, messages=HI) as stream:
            assert stream.get_final_message().usage.output_tokens
        assert sdk.messages.count_tokens(model="claude-sonnet-4-6", messages=HI).input_tokens


async def test_anthropic_async(system: System, wire: Wire) -> None:
    async with anthropic_async(system, wire) as sdk:
        create = sdk.messages.create
        assert (await create(model="claude-sonnet-4-6", max_tokens=200, messages=HI)).content
        forced = await create(
            model="claude-sonnet-4-6",
            max_tokens=200,
            messages=HI,
            tools=[CLAUDES_TOOL],
            tool_choice={"type": "tool", "name": "weather"},
        )
        assert forced.stop_reason == "tool_use"
        async with sdk.messages.stream(model="claude-sonnet-4-6", max_tokens=200, messages=HI) as stream:
            assert "".join([part async for part in stream.text_stream])
