"""The cache in calls through an edge: what is answered from it, in which form, and what is recorded."""

import asyncio
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tallygate.runtime.tasks import spawn
from tests.support.controlled_edge import controlled_edge, key_of, snapshot_of
from tests.support.edge import Edge
from tests.support.provider import SSE_HEAD, Handler, Received, chunk, http
from tests.support.wait import eventually

PATH = "/v1/chat/completions"
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
CACHED = {"Helicone-Cache-Enabled": "true"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def part(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    fields = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
    }
    return b"data: " + json.dumps(fields | {"choices": choices} | more).encode() + b"\n\n"


def stream_of(body: dict[str, Any], *, whole: bool = True) -> bytes:
    parts = [part({"role": "assistant", "content": "Hel"}), part({"content": "lo"})]
    if whole:
        parts.append(part({}, "stop"))
        if body.get("stream_options", {}).get("include_usage"):
            parts.append(part(None, usage=USAGE))
        parts.append(b"data: [DONE]\n\n")
    return SSE_HEAD + b"".join(map(chunk, [*parts, b""]))


async def chat(received: Received, writer: asyncio.StreamWriter) -> None:
    body = json.loads(received.body)
    writer.write(stream_of(body) if body.get("stream") else http(json.dumps(COMPLETION).encode()))


def always(answer: bytes) -> Handler:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return handler


async def call(edge: Edge, change: dict[str, Any] | None = None, **headers: str) -> tuple[str, bytes]:
    """What the cache says of a call, and the answer's body."""
    sent = CACHED | {name.replace("_", "-"): value for name, value in headers.items()}
    body = CHAT | (change or {})
    async with edge.client.post(edge.url + PATH, json=body, headers=sent) as response:
        return response.headers.get("Tallygate-Cache", ""), await response.read()


async def states(edge: Edge, *changes: dict[str, Any]) -> list[str]:
    return [(await call(edge, change))[0] for change in changes]


async def test_the_second_call_is_a_hit_and_says_so(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, chat) as edge:
        assert (await call(edge))[0] == "MISS"
        async with edge.client.post(edge.url + PATH, json=CHAT, headers=CACHED) as response:
            assert response.headers["Tallygate-Cache"] == "HIT"
            assert 0 <= int(response.headers["Tallygate-Cache-Age"]) < 60
            assert response.headers["Tallygate-Provider"] == "openai"
            assert response.headers["Tallygate-Attempts"] == "0"
            assert await response.json() == COMPLETION
        miss, hit = edge.responses()
        assert (miss.outcome, miss.cache, len(miss.attempts)) == ("ok", "miss", 1)
        assert (hit.outcome, hit.cache, hit.status, hit.attempts) == ("cache_hit", "hit", 200, ())
        assert (hit.usage, hit.usage_flavor) == (USAGE, "openai.chat")
        assert (hit.provider, hit.model) == ("openai", "gpt-4o-2024-08-06")
        assert hit.response_body is not None
        assert json.loads(hit.response_body.text) == COMPLETION
        assert len(edge.provider.received) == 1
        async with edge.client.get(edge.url + "/metrics") as response:
            text = await response.text()
        for result in ("hit", "miss"):
            assert f'tallygate_edge_cache_asked_total{{result="{result}",worker="0"}} 1.0' in text


async def test_only_what_changes_the_answer_makes_a_miss(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, chat) as edge:
        assert await states(edge, {}, {"user": "ada"}, {"model": "openai/gpt-4o"}) == ["MISS", "HIT", "HIT"]
        assert await states(edge, {"temperature": 0.5}, {"temperature": 0.7}, {"temperature": 0.5}) == [
            "MISS", "MISS", "HIT",
        ]  # fmt: skip
        assert await states(edge, {"model": "gpt-4o-mini"}) == ["MISS"]
        assert (await call(edge, Tallygate_Cache_Seed="other"))[0] == "MISS"
        ignoring = await call(edge, {"metadata": {"a": "1"}}, Tallygate_Cache_Ignore_Keys="metadata")
        assert ignoring[0] == "HIT"


async def test_nobody_is_served_from_the_cache_unasked(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, chat) as edge:
        await call(edge)
        async with edge.client.post(edge.url + PATH, json=CHAT) as response:
            assert "Tallygate-Cache" not in response.headers
        assert (await call(edge, Cache_Control="no-store"))[0] == ""
        assert (await call(edge, Cache_Control="no-cache"))[0] == "MISS"
        assert (await call(edge, Tallygate_Cache_Enabled="false"))[0] == ""
        assert (await call(edge, Tallygate_Cache_Enabled="false", Tallygate_Cache_Read="true"))[0] == "HIT"
        assert len(edge.provider.received) == 5


async def test_an_answer_expires(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, chat) as edge:
        assert (await call(edge, Cache_Control="max-age=1"))[0] == "MISS"
        assert (await call(edge, Cache_Control="max-age=1"))[0] == "HIT"

        async def missed() -> bool:
            return (await call(edge, Cache_Control="max-age=1"))[0] == "MISS"

        await eventually(missed)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Tallygate-Cache-Enabled", "yes"),
        ("Tallygate-Cache-Bucket-Max-Size", "21"),
        ("Cache-Control", "max-age=soon"),
    ],
)
async def test_a_malformed_header_is_told(tmp_path: Path, header: str, value: str) -> None:
    async with controlled_edge(tmp_path, chat) as edge:
        sent = {"Tallygate-Cache-Enabled": "true", header: value}
        status, body = await edge.post(PATH, CHAT, headers=sent)
        assert (status, json.loads(body)["error"]["param"]) == (400, header)
        assert not edge.provider.received


async def test_a_bucket_is_filled_before_it_serves(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, chat) as edge:
        got = [(await call(edge, Tallygate_Cache_Bucket_Max_Size="3"))[0] for _ in range(5)]
        assert got == ["MISS", "MISS", "MISS", "HIT", "HIT"]


async def test_a_stored_answer_serves_callers_of_streams_and_others(tmp_path: Path) -> None:
    for stored_as_stream in (True, False):
        async with (
            controlled_edge(tmp_path / str(stored_as_stream), chat) as edge,
            openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="x", default_headers=CACHED) as client,
        ):
            await call(edge, {"stream": stored_as_stream})
            whole = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
            )
            assert whole.choices[0].message.content == "Hello"
            assert whole.usage is not None
            assert whole.usage.total_tokens == 7
            parts = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], stream=True
            )
            told = [each async for each in parts]
            assert "".join(each.choices[0].delta.content or "" for each in told) == "Hello"
            assert all(each.usage is None for each in told)
            counted = await client.chat.completions.create(
                model="gpt-4o",
                messages=[{"role": "user", "content": "Hello"}],
                stream=True,
                stream_options={"include_usage": True},
            )
            usages = [each.usage async for each in counted]
            assert usages[-1] is not None
            assert usages[-1].total_tokens == 7
            assert len(edge.provider.received) == 1


@pytest.mark.parametrize(
    "answer",
    [
        http(b'{"error": {"message": "no"}}', "429 Too Many Requests"),
        http(b'{"error": {"message": "no"}}', "500 Internal Server Error"),
        http(b'{"error": {"message": "no"}}'),
        http(b'{"id": "cut'),
    ],
)
async def test_what_is_no_good_answer_is_not_stored(tmp_path: Path, answer: bytes) -> None:
    async with controlled_edge(tmp_path, always(answer)) as edge:
        assert [(await call(edge))[0] for _ in range(2)] == ["MISS", "MISS"]


async def test_a_cut_stream_is_not_stored(tmp_path: Path) -> None:
    async def cut(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(stream_of({}, whole=False))

    async def broken(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(
            SSE_HEAD + chunk(part({"content": "Hel"})) + chunk(part({}, error={"message": "overloaded"}))
        )
        writer.write(chunk(b"data: [DONE]\n\n") + chunk(b""))

    for name, handler in (("cut", cut), ("broken", broken)):
        async with controlled_edge(tmp_path / name, handler) as edge:
            assert await states(edge, {"stream": True}, {"stream": True}) == ["MISS", "MISS"]


async def test_identical_calls_at_once_make_one_call_to_the_provider(tmp_path: Path) -> None:
    ready = asyncio.Event()

    async def waiting(received: Received, writer: asyncio.StreamWriter) -> None:
        await ready.wait()
        await chat(received, writer)

    async with controlled_edge(tmp_path, waiting) as edge:
        calls = [spawn(call(edge), name="call") for _ in range(50)]
        await eventually(lambda: edge.server.in_flight == 50)
        ready.set()
        got = [state for state, _ in await asyncio.gather(*calls)]
        assert sorted(got) == ["HIT"] * 49 + ["MISS"]
        assert len(edge.provider.received) == 1


async def test_if_the_first_caller_leaves_another_takes_over(tmp_path: Path) -> None:
    ready = asyncio.Event()

    async def waiting(received: Received, writer: asyncio.StreamWriter) -> None:
        await ready.wait()
        await chat(received, writer)

    async with controlled_edge(tmp_path, waiting) as edge:
        first = spawn(call(edge), name="call")
        await eventually(lambda: len(edge.provider.received) == 1)
        others = [spawn(call(edge), name="call") for _ in range(5)]
        await eventually(lambda: edge.server.in_flight == 6)
        first.cancel()
        await eventually(lambda: len(edge.provider.received) == 2)
        ready.set()
        got = [state for state, _ in await asyncio.gather(*others)]
        assert sorted(got) == ["HIT"] * 4 + ["MISS"]
        assert len(edge.provider.received) == 2


async def test_a_failed_call_holds_nobody_up(tmp_path: Path) -> None:
    ready = asyncio.Event()

    async def failing(received: Received, writer: asyncio.StreamWriter) -> None:
        await ready.wait()
        writer.transport.abort()

    async with controlled_edge(tmp_path, failing) as edge:
        calls = [spawn(edge.post(PATH, CHAT, headers=CACHED), name="call") for _ in range(5)]
        await eventually(lambda: edge.server.in_flight == 5)
        ready.set()
        assert [status for status, _ in await asyncio.gather(*calls)] == [502] * 5


async def test_without_its_store_calls_are_made(tmp_path: Path) -> None:
    gone = {"url": f"unix://{tmp_path}/no-redis.sock"}
    async with controlled_edge(tmp_path, chat, cache={"store": "redis"}, redis=gone) as edge:
        assert [(await call(edge))[0] for _ in range(2)] == ["MISS", "MISS"]
        async with edge.client.get(edge.url + "/metrics") as response:
            assert 'tallygate_edge_cache_unavailable_total{worker="0"} 2.0' in await response.text()


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, chat, cache={"store": "off"}) as edge:
        assert [(await call(edge))[0] for _ in range(2)] == ["", ""]


async def test_a_hit_takes_no_tokens_of_a_limit_but_counts_as_a_request(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, chat) as edge:
        got = [(await call(edge, Tallygate_RateLimit_Policy="2;w=600"))[0] for _ in range(3)]
        assert got == ["MISS", "HIT", ""]
        assert edge.responses()[-1].error_code == "rate_limited"


async def test_no_project_sees_an_answer_of_another(tmp_path: Path) -> None:
    snapshot = snapshot_of(key_of("a1", "a"), key_of("a2", "a"), key_of("b1", "b"))
    async with controlled_edge(tmp_path, chat, snapshot=snapshot) as edge:
        got = [(await call(edge, Authorization=f"Bearer tg-{key}"))[0] for key in ("a1", "b1", "a2", "b1")]
        assert got == ["MISS", "MISS", "HIT", "HIT"]
        assert [event.project for event in edge.responses()] == ["a", "b", "a", "b"]
