"""Anthropic's dialect by its package; Gemini's, and damaged answers, by plain HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anthropic
import orjson
import pytest

from tallygate.infra.simulator import Controls, Knobs, RunningSimulator, controls, running_simulator, text

CLAUDE = "claude-sonnet-5"
GEMINI = "gemini-2.5-flash"
ASK: Any = [{"role": "user", "content": "Hello, who are you?"}]
ASK_TOKENS = text.count(ASK[0]["content"]) + 3
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hello, who are you?"}]}]}
KEY = {"authorization": "Bearer sk-test"}


@asynccontextmanager
async def claude(sim: RunningSimulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=sim.url, api_key="sk-ant-test", max_retries=0) as sdk:
        yield sdk


async def test_messages_plain_and_streamed_agree() -> None:
    headers = {"x-simulate": "input_tokens=100; cached_tokens=40; cache_write_tokens=10"}
    async with running_simulator() as sim, claude(sim) as sdk:
        plain = await sdk.messages.create(model=CLAUDE, max_tokens=500, messages=ASK, extra_headers=headers)
        async with sdk.messages.stream(
            model=CLAUDE, max_tokens=500, messages=ASK, extra_headers=headers
        ) as stream:
            final = await stream.get_final_message()
    assert (plain.usage.input_tokens, plain.usage.cache_read_input_tokens) == (50, 40)
    assert plain.usage.cache_creation_input_tokens == 10
    assert plain.content[0].type == "text"
    assert final.content[0].type == "text"
    assert plain.content[0].text == final.content[0].text
    assert plain.usage.output_tokens == final.usage.output_tokens == text.count(plain.content[0].text)
    assert final.stop_reason == "end_turn"


async def test_a_tool_is_called_with_json() -> None:
    tool: Any = {"name": "look_up", "input_schema": {"type": "object"}}
    async with running_simulator() as sim, claude(sim) as sdk:
        plain = await sdk.messages.create(model=CLAUDE, max_tokens=500, messages=ASK, tools=[tool])
        async with sdk.messages.stream(model=CLAUDE, max_tokens=500, messages=ASK, tools=[tool]) as stream:
            final = await stream.get_final_message()
    assert plain.stop_reason == "tool_use"
    assert plain.content[0].type == "tool_use"
    assert final.content[0].type == "tool_use"
    assert plain.content[0].input == final.content[0].input
    assert plain.content[0].input["sure"] is True


async def test_anthropic_counts_errors_and_models() -> None:
    async with running_simulator() as sim, claude(sim) as sdk:
        counted = await sdk.messages.count_tokens(model=CLAUDE, messages=ASK)
        listed = [model.id async for model in sdk.models.list()]
        with pytest.raises(anthropic.RateLimitError) as limited:
            await sdk.messages.create(
                model=CLAUDE, max_tokens=5, messages=ASK, extra_headers={"x-simulate": "status=429"}
            )
        with pytest.raises(anthropic.BadRequestError):
            await sdk.messages.create(model=CLAUDE, max_tokens=0, messages=ASK)
    assert counted.input_tokens == ASK_TOKENS
    assert CLAUDE in listed
    assert isinstance(limited.value.body, dict)
    assert limited.value.body["error"]["type"] == "rate_limit_error"
    assert "anthropic-ratelimit-requests-remaining" in limited.value.response.headers


async def post(url: str, body: object, *, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body, headers=KEY | (headers or {})) as answer,
    ):
        return answer.status, await answer.read()


async def test_gemini_plain_sse_and_json_streams_agree() -> None:
    async with running_simulator() as sim:
        base = f"{sim.url}/v1beta/models/{GEMINI}"
        _, plain = await post(f"{base}:generateContent", CONTENTS)
        _, sse = await post(f"{base}:streamGenerateContent?alt=sse", CONTENTS)
        _, array = await post(f"{base}:streamGenerateContent", CONTENTS)
        _, counted = await post(f"{base}:countTokens", CONTENTS)
    whole = orjson.loads(plain)
    streamed = [orjson.loads(line[6:]) for line in sse.splitlines() if line.startswith(b"data: ")]
    said = _gemini_text([whole])
    assert _gemini_text(streamed) == _gemini_text(orjson.loads(array)) == said
    assert streamed[-1]["usageMetadata"] == whole["usageMetadata"]
    assert whole["usageMetadata"]["candidatesTokenCount"] == text.count(said)
    assert orjson.loads(counted)["totalTokens"] == whole["usageMetadata"]["promptTokenCount"] == ASK_TOKENS
    assert streamed[-1]["candidates"][0]["finishReason"] == "STOP"


def _gemini_text(answers: list[Any]) -> str:
    return "".join(answer["candidates"][0]["content"]["parts"][0]["text"] for answer in answers)


async def test_gemini_counts_thoughts_apart_and_speaks_openai_too() -> None:
    headers = {"x-simulate": "reasoning_tokens=33; cached_tokens=2"}
    async with running_simulator() as sim:
        _, own = await post(f"{sim.url}/v1beta/models/{GEMINI}:generateContent", CONTENTS, headers=headers)
        status, other = await post(
            f"{sim.url}/v1beta/openai/chat/completions", {"model": GEMINI, "messages": ASK}
        )
    used = orjson.loads(own)["usageMetadata"]
    assert (used["thoughtsTokenCount"], used["cachedContentTokenCount"]) == (33, 2)
    assert used["totalTokenCount"] == used["promptTokenCount"] + used["candidatesTokenCount"] + 33
    assert status == 200
    assert orjson.loads(other)["object"] == "chat.completion"


async def test_without_a_key_each_dialect_answers_401() -> None:
    async with running_simulator() as sim, aiohttp.ClientSession() as session:
        async with session.post(f"{sim.url}/v1/chat/completions", json={}) as openai:
            assert openai.status == 401
            assert (await openai.json())["error"]["code"] == "invalid_api_key"
        async with session.post(f"{sim.url}/v1beta/models/x:generateContent", json={}) as google:
            assert (await google.json())["error"]["status"] == "UNAUTHENTICATED"
        headers = {"anthropic-version": "2023-06-01"}
        async with session.post(f"{sim.url}/v1/messages", json={}, headers=headers) as other:
            assert (await other.json())["error"]["type"] == "authentication_error"
        async with session.post(f"{sim.url}/v1beta/models/x:generateContent?key=k", json={}) as keyed:
            assert keyed.status == 400


CHAT = {"model": "gpt-4o-mini", "messages": ASK}


async def test_damaged_streams() -> None:
    async with running_simulator() as sim:
        url = f"{sim.url}/v1/chat/completions"
        _, bad = await post(url, CHAT | {"stream": True}, headers={"x-simulate": "bad_sse"})
        _, garbled = await post(url, CHAT | {"stream": True}, headers={"x-simulate": "invalid_utf8"})
        _, plain = await post(url, CHAT, headers={"x-simulate": "invalid_utf8; no_usage"})
    assert b"this line is no event" in bad
    assert bad.endswith(b"data: [DONE]\n\n")
    for body in (garbled, plain):
        assert b"\xff\xfe" in body
    assert b"usage" not in plain


async def test_cut_after_closes_early() -> None:
    async with running_simulator() as sim, aiohttp.ClientSession(headers=KEY) as session:
        for body in (CHAT | {"stream": True}, CHAT):
            headers = {"x-simulate": "cut_after=3"}
            async with session.post(f"{sim.url}/v1/chat/completions", json=body, headers=headers) as answer:
                assert answer.status == 200
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()


async def test_chunks_and_stats() -> None:
    async with running_simulator() as sim, aiohttp.ClientSession() as session:
        _, body = await post(
            f"{sim.url}/any/prefix/chat/completions",
            CHAT | {"stream": True},
            headers={"x-simulate": "chunks=3; output_tokens=30; delay_ms=1; chunk_delay_ms=1"},
        )
        async with session.get(f"{sim.url}/simulator/stats") as answer:
            stats = await answer.json()
    assert body.count(b"data: ") == 3 + 3  # the role, the finish reason, [DONE]
    assert stats["by_model"] == {"gpt-4o-mini": 1}
    assert (stats["streams"], stats["output_tokens"], stats["in_flight"]) == (1, 30, 0)


async def test_knobs_fail_and_limit_every_so_often() -> None:
    knobs = Knobs(Controls(output_tokens=2), need_key=False, error_every=5, limit_every=3)
    async with running_simulator(knobs) as sim, aiohttp.ClientSession() as session:
        statuses = []
        for _ in range(6):
            async with session.post(f"{sim.url}/v1/chat/completions", json=CHAT) as answer:
                statuses.append(answer.status)
    assert statuses == [200, 200, 429, 200, 500, 429]
    assert sim.stats.by_status["429"] == 2


@pytest.mark.parametrize(
    ("header", "said"), [("colour=red", "no control"), ("status=abc", "takes a number"), ("chunks", "number")]
)
async def test_a_bad_control_is_refused(header: str, said: str) -> None:
    async with running_simulator() as sim:
        status, body = await post(f"{sim.url}/v1/chat/completions", CHAT, headers={"x-simulate": header})
    assert status == 400
    assert said in orjson.loads(body)["error"]["message"]


def test_controls_start_from_the_defaults() -> None:
    parsed = controls.parse("delay_ms=5; bad_sse; key=a b", Controls(chunks=4))
    assert parsed == Controls(chunks=4, delay_ms=5, bad_sse=True, key="a b")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/nothing", b"{}", 404),
        ("/v1/chat/completions", b"not json", 400),
        ("/v1/chat/completions", b"[1]", 400),
        ("/v1/chat/completions", b"", 400),
    ],
)
async def test_bad_requests(path: str, body: bytes, status: int) -> None:
    async with (
        running_simulator() as sim,
        aiohttp.ClientSession(headers=KEY) as session,
        session.post(sim.url + path, data=body) as answer,
    ):
        assert answer.status == status
        assert (await answer.json())["error"]["message"]
