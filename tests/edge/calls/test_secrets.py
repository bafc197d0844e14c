"""Keys are never in events or logs, and never go to another provider than their own."""

import asyncio
import logging
from pathlib import Path

import pytest

from tests.support.edge import running_edge
from tests.support.provider import Received, answering, http

CANARY = "sk-canary-5d41402abc4b2a76"
HELLO = [{"role": "user", "content": "Hello"}]
CHAT = {"model": "gpt-4o", "messages": []}


def on_disk(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


async def echo(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answers with everything that it was sent."""
    text = received.target + "".join(f"{name}: {value}\n" for name, value in received.headers)
    body = text.encode() + received.body
    writer.write(http(body, X_Request_Id=received.header("authorization") or "none"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {CANARY}"},
        {"x-api-key": CANARY},
        {"x-goog-api-key": CANARY},
        {"api-key": CANARY},
        {"Authorization": f"Bearer {CANARY}", "Helicone-Auth": f"Bearer tg-{CANARY}"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/messages", f"/google/v1beta/x?a=b&key={CANARY}"]
)
async def test_the_callers_key_is_not_recorded(
    headers: dict[str, str], path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running_edge(tmp_path, echo) as edge:
        await edge.post(path, CHAT | {"text": f"my key is {CANARY}"}, headers=headers)
        assert len(edge.responses()) == 1
    assert CANARY.encode() not in on_disk(tmp_path)
    assert CANARY not in caplog.text


async def test_the_environments_key_is_not_recorded(tmp_path: Path) -> None:
    async with running_edge(tmp_path, echo, environ={"OPENAI_API_KEY": CANARY}) as edge:
        _, body = await edge.post("/v1/chat/completions", CHAT)
        assert CANARY.encode() in body  # it was sent
        event = edge.responses()[0]
    assert CANARY.encode() not in on_disk(tmp_path)
    assert event.response_body is not None
    assert "Authorization: Bearer [redacted]" in event.response_body.text


@pytest.mark.parametrize("placeholder", [None, "", "Bearer ", "Bearer none"])
async def test_a_placeholder_gives_way_to_the_environments_key(
    placeholder: str | None, tmp_path: Path
) -> None:
    headers = {} if placeholder is None else {"Authorization": placeholder}
    async with running_edge(tmp_path, answering(http()), environ={"OPENAI_API_KEY": "sk-env"}) as edge:
        await edge.post("/v1/chat/completions", CHAT, headers=headers)
        assert edge.provider.last.header("authorization") == "Bearer sk-env"


async def test_the_callers_own_key_wins(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http()), environ={"OPENAI_API_KEY": "sk-env"}) as edge:
        await edge.post("/v1/chat/completions", CHAT, headers={"Authorization": "Bearer sk-own"})
        assert edge.provider.last.header("authorization") == "Bearer sk-own"


async def test_without_any_key_the_provider_says_so(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http(b"{}", "401 Unauthorized"))) as edge:
        status, _ = await edge.post("/v1/chat/completions", CHAT, headers={"Authorization": "Bearer dummy"})
        assert status == 401
        assert edge.provider.last.header("authorization") is None


@pytest.mark.parametrize(
    ("path", "model", "header", "value"),
    [
        ("/v1/chat/completions", "claude-x", "x-api-key", "key-anthropic"),
        ("/v1/embeddings", "claude-x", "authorization", "Bearer key-anthropic"),
        ("/v1/messages", "claude-x", "x-api-key", "key-anthropic"),
        ("/anthropic/v1/messages", "claude-x", "x-api-key", "key-anthropic"),
        ("/v1/chat/completions", "gemini-x", "x-goog-api-key", "key-google"),
        ("/v1/embeddings", "gemini-x", "authorization", "Bearer key-google"),
        ("/v1/messages", "gpt-x", "authorization", "Bearer key-openai"),
        ("/google/v1beta/models/g:generateContent", "x", "x-goog-api-key", "key-google"),
        ("/google/v1beta/openai/chat/completions", "gemini-x", "authorization", "Bearer key-google"),
        ("/v1/chat/completions", "groq/llama", "authorization", None),
    ],
)
async def test_every_provider_gets_its_own_key(
    path: str, model: str, header: str, value: str | None, tmp_path: Path
) -> None:
    environ = {
        "OPENAI_API_KEY": "key-openai",
        "ANTHROPIC_API_KEY": "key-anthropic",
        "GEMINI_API_KEY": "key-google",
    }
    async with running_edge(tmp_path, answering(http()), environ=environ) as edge:
        await edge.post(path, {"model": model, "max_tokens": 9, "messages": HELLO})
        sent = edge.provider.last
    assert sent.header(header) == value
    keys = [text for _, text in sent.headers if "key-" in text]
    assert keys == ([value] if value else [])
