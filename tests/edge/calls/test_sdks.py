"""The providers' own Python packages against the gateway, with nothing changed but the base URL."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import anthropic
import openai
import pytest

from tests.support.edge import Edge, running_edge
from tests.support.provider import SSE_HEAD, Received, chunk, http

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}
EMBEDDING = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


def chat_chunk(usage: object, *contents: str) -> bytes:
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": None} for text in contents]
    body = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
    return b"data: " + json.dumps(body | {"choices": choices, "usage": usage}).encode() + b"\n\n"


async def openai_like(received: Received, writer: asyncio.StreamWriter) -> None:
    body = json.loads(received.body or b"{}")
    if received.target == "/v1/embeddings":
        answer = http(json.dumps(EMBEDDING).encode())
    elif received.target == "/v1/messages":
        answer = http(json.dumps(MESSAGE).encode())
    elif body.get("stream"):
        parts = [chat_chunk(None, "Hel"), chat_chunk(None, "lo")]
        if body.get("stream_options", {}).get("include_usage"):
            parts.append(chat_chunk(COMPLETION["usage"]))
        answer = SSE_HEAD + b"".join(map(chunk, [*parts, b"data: [DONE]\n\n", b""]))
    else:
        answer = http(json.dumps(COMPLETION).encode())
    writer.write(answer)


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    async with running_edge(tmp_path, openai_like) as edge:
        yield edge


@pytest.mark.parametrize("base", ["/v1", ""])
async def test_openai(edge: Edge, base: str) -> None:
    async with openai.AsyncOpenAI(base_url=edge.url + base, api_key="sk-user") as client:
        completion = await client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )
        assert completion.choices[0].message.content == "Hi"
        embedding = await client.embeddings.create(model="text-embedding-3-small", input="x")
        assert embedding.data[0].embedding
        stream = await client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        texts = [part.choices[0].delta.content async for part in stream]
        assert "".join(text or "" for text in texts) == "Hello"
    assert [(event.endpoint, event.stream, event.outcome) for event in edge.responses()] == [
        ("chat/completions", False, "ok"),
        ("embeddings", False, "ok"),
        ("chat/completions", True, "ok"),
    ]
    assert all(event.usage for event in edge.responses())


async def test_openai_with_usage_asked_for(edge: Edge) -> None:
    async with openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="sk-user") as client:
        stream = await client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "Hello"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        usages = [part.usage async for part in stream]
    assert usages[-1] is not None
    assert usages[-1].prompt_tokens == 5


async def test_openais_errors(edge: Edge) -> None:
    async with openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="sk-user", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="no-such-model", messages=[])
        assert caught.value.code == "model_not_found"
        assert caught.value.param == "model"
        with pytest.raises(openai.BadRequestError) as bad:
            await client.chat.completions.create(
                model="gpt-4o", messages=[], extra_headers={"Tallygate-Timeout": "soon"}
            )
        assert bad.value.code == "invalid_header"
    assert [event.outcome for event in edge.responses()] == ["rejected", "rejected"]


@pytest.mark.parametrize("base", ["", "/anthropic"])
async def test_anthropic(edge: Edge, base: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=edge.url + base, api_key="sk-ant-user") as client:
        message = await client.messages.create(
            model="claude-test", max_tokens=10, messages=[{"role": "user", "content": "Hello"}]
        )
        assert message.usage.output_tokens == 2
    assert edge.provider.last.header("authorization") == "Bearer sk-ant-user"
    event = edge.responses()[0]
    assert (event.usage_flavor, event.provider, event.endpoint) == (
        "anthropic.messages",
        "anthropic",
        "messages",
    )


async def test_anthropics_errors(edge: Edge) -> None:
    async with anthropic.AsyncAnthropic(base_url=edge.url, api_key="sk-ant-user", max_retries=0) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(
                model="openai/gpt-4o",
                max_tokens=10,
                messages=[{"role": "user", "content": "Hello"}],
                extra_body={"top_k": 3},
            )
        assert "top_k" in caught.value.message
