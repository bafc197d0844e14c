"""Bedrock: translated, signed, and its usage found in whole answers and in its binary streams."""

import asyncio
import json
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
import pytest

from tallygate.runtime.config import ProviderConfig
from tests.support.edge import Edge, edge_before
from tests.support.provider import Handler, Received, http, running_provider

AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE1",
    "AWS_SECRET_ACCESS_KEY": "secret-of-aws",
    "AWS_REGION": "eu-west-1",
}
MODEL = "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": USAGE,
}
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
]


def frame(kind: str, event: dict[str, Any]) -> bytes:
    """A message of an event stream."""
    headers = b""
    for name, value in ((":message-type", "event"), (":event-type", kind)):
        headers += (
            bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        )
    payload = json.dumps(event).encode()
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    head = prelude + struct.pack(">I", zlib.crc32(prelude))
    whole = head + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def converse() -> Handler:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target.endswith("converse-stream"):
            body = b"".join(frame(kind, event) for kind, event in EVENTS)
            writer.write(http(body, Content_Type="application/vnd.amazon.eventstream"))
        else:
            writer.write(http(json.dumps(ANSWER).encode(), X_Amzn_RequestId="aws-1"))

    return handler


def on_disk(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


async def ask(edge: Edge, **options: Any) -> Any:
    async with openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="none", max_retries=0) as client:
        return await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Hi"}], **options
        )


async def test_a_signed_call(tmp_path: Path) -> None:
    async with running_provider(converse()) as provider:
        providers = {"bedrock": ProviderConfig(base_url=provider.url)}
        async with edge_before(tmp_path, provider, AWS, providers=providers) as edge:
            answer = await ask(edge)
            assert answer.choices[0].message.content == "Hello"
            event = edge.responses()[0]
    sent = provider.last
    assert sent.target.endswith("/converse")
    today = datetime.now(UTC).strftime("%Y%m%d")
    authorization = sent.header("authorization") or ""
    assert authorization.startswith(f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE1/{today}/eu-west-1/bedrock/")
    assert (event.provider, event.usage, event.usage_flavor) == ("bedrock", USAGE, "bedrock.converse")
    assert event.provider_request_id == "aws-1"
    assert b"secret-of-aws" not in on_disk(tmp_path)


async def test_a_stream(tmp_path: Path) -> None:
    async with running_provider(converse()) as provider:
        providers = {"bedrock": ProviderConfig(base_url=provider.url)}
        async with edge_before(tmp_path, provider, AWS, providers=providers) as edge:
            chunks = [part async for part in await ask(edge, stream=True)]
            assert "".join(part.choices[0].delta.content or "" for part in chunks) == "Hello"
            event = edge.responses()[0]
    assert provider.last.target.endswith("/converse-stream")
    assert (event.usage, event.outcome) == (USAGE, "ok")


async def test_what_bedrock_has_not(tmp_path: Path) -> None:
    async with running_provider(converse()) as provider:
        providers = {"bedrock": ProviderConfig(base_url=provider.url)}
        async with edge_before(tmp_path, provider, AWS, providers=providers) as edge:
            status, body = await edge.post("/v1/embeddings", {"model": MODEL, "input": "x"})
    assert (status, provider.received) == (400, [])
    assert b"bedrock has no embeddings" in body


@pytest.mark.parametrize("name", ["azure", "cohere-like"])
async def test_a_provider_without_an_address_says_what_is_missing(name: str, tmp_path: Path) -> None:
    async with running_provider(converse()) as provider, edge_before(tmp_path, provider) as edge:
        status, body = await edge.post("/v1/chat/completions", {"model": f"{name}/x", "messages": []})
    assert (status, provider.received) == ((503, []) if name == "azure" else (404, []))
    assert b"providers.azure.base_url" in body or name != "azure"
