"""The official packages, sync and async, through the edge: what they get is what the provider sends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tallygate.infra.simulator import RunningSimulator, running_simulator
from tests.support.edge import Edge, edge_before

HI: Any = [{"role": "user", "content": "Hi, what is the weather in Paris and in Rome?"}]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CLAUDES_TOOL: Any = {"name": "weather", "input_schema": {"type": "object"}}


@dataclass
class Through:
    """An edge before a simulator."""

    edge: Edge
    simulator: RunningSimulator

    @property
    def openai(self) -> str:
        """The base URL for OpenAI's package."""
        return self.edge.url + "/v1"


@pytest.fixture
async def through(tmp_path: Path) -> AsyncIterator[Through]:
    async with running_simulator() as simulator, edge_before(tmp_path, simulator.url) as edge:
        yield Through(edge, simulator)


async def test_openai_async(through: Through) -> None:
    async with openai.AsyncOpenAI(base_url=through.openai, api_key="sk-user-1", max_retries=0) as sdk:
        chat = await sdk.chat.completions.create(model="gpt-4o", messages=HI, tools=[TOOL])
        assert chat.choices
        forced = await sdk.chat.completions.create(
            model="gpt-4o", messages=HI, tools=[TOOL], tool_choice="required", parallel_tool_calls=True
        )
        assert forced.choices[0].message.tool_calls
        image: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}]
        assert (await sdk.chat.completions.create(model="gpt-4o", messages=image)).usage
        schema: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
        shaped = await sdk.chat.completions.create(model="gpt-4o", messages=HI, response_format=schema)
        assert shaped.choices[0].message.content
        parts = [
            part async for part in await sdk.chat.completions.create(model="gpt-4o", messages=HI, stream=True)
        ]
        assert all(part.usage is None for part in parts)
        async with sdk.responses.stream(model="gpt-4o", input="Hi") as stream:
            assert [event.type async for event in stream][-1] == "response.completed"
        assert (
            (await sdk.embeddings.create(model="text-embedding-3-small", input=["a", "b"])).data[1].embedding
        )
        assert (await sdk.moderations.create(input="x")).results
        assert (await sdk.images.generate(model="gpt-image-1", prompt="x")).data
    events = through.edge.responses()
    assert [event.outcome for event in events] == ["ok"] * len(events)
    assert {event.provider for event in events} == {"openai"}


async def test_openais_files_audio_and_batches(through: Through) -> None:
    async with openai.AsyncOpenAI(base_url=through.openai, api_key="sk-user-1", max_retries=0) as sdk:
        spoken = await sdk.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello")
        assert spoken.content.startswith(b"\xff\xfb")
        heard = await sdk.audio.transcriptions.create(model="whisper-1", file=("a.mp3", b"\xff" * 1000))
        assert heard.text
        file = await sdk.files.create(file=("data.jsonl", b'{"a":1}\n'), purpose="batch")
        assert (await sdk.files.content(file.id)).content == b'{"line": 1}\n'
        assert [each.id async for each in sdk.files.list()] == [file.id]
        batch = await sdk.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        assert (await sdk.batches.retrieve(batch.id)).status == "in_progress"
        assert (await sdk.batches.cancel(batch.id)).status == "cancelling"
        assert (await sdk.files.delete(file.id)).deleted
    assert through.edge.responses()[1].model_requested == "whisper-1"


async def test_openai_sync(through: Through) -> None:
    def use() -> list[str]:
        with openai.OpenAI(base_url=through.openai, api_key="sk-user-1", max_retries=0) as sdk:
            plain = sdk.chat.completions.create(model="gpt-4o", messages=HI)
            stream = sdk.chat.completions.create(model="gpt-4o", messages=HI, stream=True)
            text = "".join(part.choices[0].delta.content or "" for part in stream)
            return [plain.choices[0].message.content or "", text]

    plain, streamed = await asyncio.to_thread(use)
    assert plain == streamed != ""


async def test_anthropic_async_and_sync(through: Through) -> None:
    async with anthropic.AsyncAnthropic(base_url=through.edge.url, api_key="sk-user-1", max_retries=0) as sdk:
        options: Any = {"model": "claude-sonnet-5", "max_tokens": 200, "messages": HI}
        answer = await sdk.messages.create(**options, tools=[CLAUDES_TOOL], tool_choice={"type": "any"})
        assert answer.stop_reason == "tool_use"
        async with sdk.messages.stream(**options) as stream:
            final = await stream.get_final_message()
        assert final.usage.output_tokens
        assert (await sdk.messages.count_tokens(model="claude-sonnet-5", messages=HI)).input_tokens

    def use() -> Any:
        with anthropic.Anthropic(base_url=through.edge.url, api_key="sk-user-1", max_retries=0) as sync:
            return sync.messages.create(**options).content[0].text

    assert await asyncio.to_thread(use) == final.content[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/chat/completions",
            b'{ "model":"gpt-4o",\n"messages":[{"role":"user","content":"\\u00e9"}],"z":1.0}',
        ),
        (
            "/v1/messages",
            b'{"max_tokens":9, "model" : "claude-x","messages":[{"role":"user","content":"x"}]}',
        ),
        ("/v1/responses", b'{"input":"x",   "model":"gpt-4o"}'),
    ],
)
async def test_bytes_pass_unchanged_where_dialects_agree(path: str, body: bytes, through: Through) -> None:
    headers = {"content-type": "application/json", "authorization": "Bearer sk-user-1"}
    status, _ = await through.edge.post(path, body, headers=headers)
    assert status == 200
    assert through.simulator.seen[-1].body == body
