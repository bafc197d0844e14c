"""Streams: as they come, recorded before their end, without the usage that the caller did not ask for."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.edge import Edge, running_edge
from tests.support.provider import SSE_HEAD, Received, chunk, http, streaming
from tests.support.wait import eventually

CHUNKS = [
    b'data: {"model":"gpt-4o-1","choices":[{"delta":{"content":"Hel"}}],"usage":null}\n\n',
    b'data: {"model":"gpt-4o-1","choices":[{"delta":{"content":"lo"}}],"usage":null}\n\n',
]
USAGE = b'data: {"model":"gpt-4o-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
BODY = {"model": "gpt-4o", "messages": [], "stream": True}


async def test_usage_is_asked_for_and_hidden(tmp_path: Path) -> None:
    async with running_edge(tmp_path, streaming([*CHUNKS, USAGE, DONE])) as edge:
        status, body = await edge.post("/v1/chat/completions", BODY, headers={"Accept-Encoding": "gzip"})
        assert (status, body) == (200, b"".join([*CHUNKS, DONE]))
        sent = edge.provider.last
        assert json.loads(sent.body) == BODY | {"stream_options": {"include_usage": True}}
        assert sent.header("accept-encoding") == "identity"
        event = edge.responses()[0]
    assert event.usage == {"prompt_tokens": 3, "completion_tokens": 2}
    assert event.response_body is not None
    assert event.response_body.text.encode() == b"".join([*CHUNKS, USAGE, DONE])
    assert (event.stream, event.model, event.outcome) == (True, "gpt-4o-1", "ok")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", BODY | {"stream_options": {"include_usage": True}}),
        ("/v1/chat/completions", BODY | {"model": "mistral-small"}),
        ("/v1/responses", BODY),
    ],
)
async def test_nothing_is_changed_where_it_need_not_be(
    path: str, body: dict[str, object], tmp_path: Path
) -> None:
    async with running_edge(tmp_path, streaming([*CHUNKS, USAGE, DONE])) as edge:
        raw = json.dumps(body).encode()
        _, got = await edge.post(path, raw)
        assert got == b"".join([*CHUNKS, USAGE, DONE])
        assert edge.provider.last.body == raw
        assert edge.responses()[0].usage == {"prompt_tokens": 3, "completion_tokens": 2}


async def test_the_stream_may_be_cut_anywhere(tmp_path: Path) -> None:
    whole = b"".join([*CHUNKS, USAGE, DONE])
    async with running_edge(tmp_path, streaming([])) as edge:
        for size in (1, 2, 7, 33):
            parts = [whole[at : at + size] for at in range(0, len(whole), size)]
            edge.provider.handler = streaming(parts)
            _, body = await edge.post("/v1/chat/completions", BODY)
            assert body == b"".join([*CHUNKS, DONE])
        assert {json.dumps(event.usage) for event in edge.responses()} == {
            '{"prompt_tokens": 3, "completion_tokens": 2}'
        }


async def test_every_chunk_goes_on_before_the_next_one_comes(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD)
        for event in CHUNKS:
            await arrived.wait()
            arrived.clear()
            writer.write(chunk(event))
        await arrived.wait()
        writer.write(chunk(DONE) + chunk(b""))

    async with (
        asyncio.timeout(10),
        running_edge(tmp_path, handler) as edge,
        edge.client.post(edge.url + "/v1/chat/completions", json=BODY) as response,
    ):
        assert response.headers["Content-Type"] == "text/event-stream"  # the head alone
        for event in [*CHUNKS, DONE]:
            arrived.set()
            assert await response.content.readany() == event


async def test_a_call_is_recorded_before_its_last_event_is_sent(tmp_path: Path) -> None:
    """SDKs stop reading at `[DONE]`: whoever has that may expect the record."""
    finish = asyncio.Event()

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD + b"".join(map(chunk, [*CHUNKS, USAGE, DONE])))
        await writer.drain()
        await finish.wait()

    async with running_edge(tmp_path, handler) as edge:
        async with edge.client.post(edge.url + "/v1/chat/completions", json=BODY) as response:
            got = b""
            while DONE not in got:
                got += await response.content.readany()
            assert [event.outcome for event in edge.responses()] == ["ok"]
            response.close()
        finish.set()
        await eventually(lambda: edge.server.in_flight == 0)
        assert [event.outcome for event in edge.responses()] == ["ok"]


async def test_when_the_caller_leaves_the_provider_is_left_at_once(tmp_path: Path) -> None:
    left = asyncio.Event()

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD + chunk(CHUNKS[0]))
        try:
            while True:
                writer.write(chunk(b": wait\n\n"))
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            left.set()
            raise

    async with running_edge(tmp_path, handler) as edge:
        async with edge.client.post(edge.url + "/v1/chat/completions", json=BODY) as response:
            assert CHUNKS[0] in await response.content.readany()
            response.close()
        await asyncio.wait_for(left.wait(), 5)
        event = (await eventually(edge.responses))[0]
    assert (event.outcome, event.status, event.error_code) == ("client_cancelled", 499, "client_gone")
    assert event.response_body is not None
    assert "Hel" in event.response_body.text


async def test_leaving_before_the_first_byte(tmp_path: Path) -> None:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with running_edge(tmp_path, handler) as edge:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.server.port)
        body = json.dumps(BODY).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await eventually(lambda: edge.provider.received)
        writer.close()
        event = (await eventually(edge.responses))[0]
    assert (event.outcome, event.status, event.ttft_us) == ("client_cancelled", 499, None)
    assert [attempt.provider for attempt in event.attempts] == ["openai"]


async def test_a_slow_caller_slows_the_provider(tmp_path: Path) -> None:
    sent = 0

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(SSE_HEAD)
        block = b"data: " + b"x" * 65_000 + b"\n\n"
        for _ in range(1000):
            writer.write(chunk(block))
            await writer.drain()
            sent += len(block)
        writer.write(chunk(b""))

    async with running_edge(tmp_path, handler, capture={"response_bytes": 1000}) as edge:
        async with edge.client.post(edge.url + "/v1/responses", json=BODY) as response:
            before = -1
            while sent != before:  # until nothing moves any more
                before = sent
                await asyncio.sleep(0.3)
            assert 0 < sent < 40_000_000
            size = sum([len(data) async for data in response.content.iter_any()])
        assert size > 64_000_000
        event = edge.responses()[0]
    assert event.response_body is not None
    assert (event.response_body.size_bytes, event.response_body.truncated) == (size, True)


async def test_an_error_instead_of_a_stream(tmp_path: Path) -> None:
    body = b'{"error":{"message":"Rate limited","code":"rate_limit_exceeded"}}'

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(body, "429 Too Many Requests", Retry_After="7"))

    async with running_edge(tmp_path, handler) as edge:
        assert await edge.post("/v1/chat/completions", BODY) == (429, body)
        event = edge.responses()[0]
    assert (event.outcome, event.status, event.error_code) == ("provider_error", 429, "rate_limit_exceeded")
    assert (event.error_message, event.rate_limit) == ("Rate limited", {"retry-after": "7"})
    assert [attempt.error for attempt in event.attempts] == ["status"]


async def test_an_error_within_a_stream(tmp_path: Path) -> None:
    error = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    async with running_edge(tmp_path, streaming([CHUNKS[0], error])) as edge:
        assert await edge.post("/v1/chat/completions", BODY) == (200, CHUNKS[0] + error)
        event = edge.responses()[0]
    assert (event.outcome, event.status, event.error_code) == ("provider_error", 200, "server_error")


async def anthropic_stream(edge: Edge) -> bytes:
    body = {"model": "claude-x", "messages": [], "stream": True}
    return (await edge.post("/v1/messages", body))[1]


async def test_anthropics_stream(tmp_path: Path) -> None:
    events = [
        (
            b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-x-1",'
            b'"usage":{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":1}}}\n\n'
        ),
        b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":12}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ]
    async with running_edge(tmp_path, streaming(events)) as edge:
        assert await anthropic_stream(edge) == b"".join(events)
        event = edge.responses()[0]
    assert event.usage == {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 12}
    assert (event.usage_flavor, event.model, event.outcome) == ("anthropic.messages", "claude-x-1", "ok")
