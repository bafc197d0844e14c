"""Providers that fail in every way: a clear error or the provider's own bytes, a record, never a hang."""

import asyncio
import io
import json
import socket
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tallygate.edge.outbox.writer import OutboxWriter
from tallygate.edge.routing.target import Target
from tallygate.edge.server import EdgeServer
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.tasks import spawn
from tests.support.edge import Edge, edge_config, read_events, running_edge
from tests.support.provider import SSE_HEAD, Handler, Received, answering, chunk, http, streaming
from tests.support.wait import eventually

CHAT = {"model": "gpt-4o", "messages": []}
STREAM = CHAT | {"stream": True}


def error_of(body: bytes) -> dict[str, object]:
    error: dict[str, object] = json.loads(body)["error"]
    return error


def then_close(data: bytes) -> Handler:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return handler


async def never(received: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed"),
        (b"this is not HTTP\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "closed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", "protocol"),
        (b"\x16\x03\x01\x02\x00", "protocol"),
    ],
)
async def test_no_whole_answer_is_a_502(data: bytes, kind: str, tmp_path: Path) -> None:
    async with running_edge(tmp_path, then_close(data)) as edge:
        status, body = await edge.post("/v1/chat/completions", CHAT)
        assert (status, error_of(body)["code"]) == (502, "provider_unreachable")
        event = edge.responses()[0]
    assert (event.status, event.outcome, event.error_code) == (502, "provider_error", "provider_unreachable")
    assert [attempt.error for attempt in event.attempts] == [kind]


async def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        config = edge_config(f"http://127.0.0.1:{taken.getsockname()[1]}")
        outbox = OutboxWriter(tmp_path)
        async with (
            EdgeServer(config, outbox) as server,
            aiohttp.ClientSession() as client,
            client.post(server.url + "/v1/messages", json={"model": "claude-x"}) as response,
        ):
            error = (await response.json())["error"]
            assert (response.status, error["type"], error["code"]) == (
                502,
                "api_error",
                "provider_unreachable",
            )
        outbox.close()
    event = read_events(tmp_path)[1][0]
    assert [attempt.error for attempt in event.attempts] == ["connect"]


async def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    config = edge_config("http://127.0.0.1:1")
    openai = replace(config.targets["openai"], base_url="http://nowhere.invalid/v1")
    targets: dict[str, Target] = {**config.targets, "openai": openai}
    outbox = OutboxWriter(tmp_path)
    async with (
        EdgeServer(replace(config, targets=targets), outbox) as server,
        aiohttp.ClientSession() as client,
        client.post(server.url + "/v1/chat/completions", json=CHAT) as response,
    ):
        assert response.status == 502
        assert "nowhere" not in json.loads(await response.read())["error"]["message"]
    outbox.close()


@pytest.mark.parametrize("header", [{"Tallygate-Timeout": "150"}, {}])
async def test_time_runs_out(header: dict[str, str], tmp_path: Path) -> None:
    setting = 60_000 if header else 150
    async with running_edge(tmp_path, never, request_timeout_ms=setting) as edge:
        status, body = await edge.post("/v1/chat/completions", CHAT, headers=header)
        assert (status, error_of(body)["code"]) == (504, "timeout")
        event = edge.responses()[0]
    assert (event.status, event.outcome) == (504, "timeout")
    assert [attempt.error for attempt in event.attempts] == ["timeout"]
    assert 150_000 <= event.latency_us < 5_000_000


async def test_time_runs_out_in_a_stream(tmp_path: Path) -> None:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD + chunk(b"data: 1\n\n"))
        await never(received, writer)

    async with running_edge(tmp_path, handler, request_timeout_ms=300) as edge:
        with pytest.raises(aiohttp.ClientPayloadError):
            await edge.post("/v1/chat/completions", STREAM)
        event = edge.responses()[0]
    assert (event.status, event.outcome, event.error_code) == (200, "timeout", "timeout")


async def test_a_caller_that_does_not_send_its_body_runs_out_of_time(tmp_path: Path) -> None:
    async with running_edge(tmp_path, never, request_timeout_ms=200) as edge:
        reply = await edge.raw(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 100\r\nConnection: close\r\n\r\n{"
        )
        assert reply.startswith(b"HTTP/1.1 504 ")
        assert edge.responses()[0].outcome == "timeout"
        assert not edge.provider.received


@pytest.mark.parametrize(
    "tail",
    [b"", b"5\r\nda", b"zz\r\nbroken\r\n"],
    ids=["closed", "cut", "bad framing"],
)
async def test_a_stream_that_breaks_is_broken_for_the_caller_too(tail: bytes, tmp_path: Path) -> None:
    first_arrived = asyncio.Event()

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD + chunk(b"data: 1\n\n"))
        await first_arrived.wait()
        writer.write(tail)
        await writer.drain()
        writer.close()

    async with running_edge(tmp_path, handler) as edge:
        async with edge.client.post(edge.url + "/v1/chat/completions", json=STREAM) as response:
            assert await response.content.readany() == b"data: 1\n\n"
            first_arrived.set()
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        event = edge.responses()[0]
    assert (event.outcome, event.error_code) == ("provider_error", "provider_unreachable")
    assert event.attempts[0].error in {"closed", "protocol"}
    assert event.response_body is not None
    assert event.response_body.text.startswith("data: 1\n\n")


@pytest.mark.parametrize(
    "events",
    [
        [b"data: {broken\n\n", b"data: [DONE]\n\n"],
        [b"\xff\xfe\x00data: \xc3\x28\n\n", b"data: [DONE]\n\n"],
        [b"no events at all"],
        [b"data: " + b"x" * 300_000 + b"\n\n", b"data: [DONE]\n\n"],
        [b'data: {"choices":"x","usage":"y","model":5}\n\n', b'data: ["usage"]\n\n'],
        [b"\n\n\n\r\r\n\n"],
    ],
)
async def test_broken_events_pass_as_they_are(events: list[bytes], tmp_path: Path) -> None:
    async with running_edge(tmp_path, streaming(events)) as edge:
        assert await edge.post("/v1/chat/completions", STREAM) == (200, b"".join(events))
        event = edge.responses()[0]
    assert (event.outcome, event.usage) == ("ok", None)


@pytest.mark.parametrize("answer", [b"\xff\xfe not json", b"", b"[[[", b'{"usage": 1, "model": []}', b"null"])
async def test_broken_json_passes_as_it_is(answer: bytes, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http(answer))) as edge:
        assert await edge.post("/v1/chat/completions", CHAT) == (200, answer)
        assert edge.responses()[0].outcome == "ok"


@pytest.mark.parametrize("status", [400, 401, 404, 408, 429, 500, 503, 529])
async def test_errors_of_the_provider_pass(status: int, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http(b'{"error":"x"}', f"{status} Whatever"))) as edge:
        assert await edge.post("/v1/chat/completions", CHAT) == (status, b'{"error":"x"}')
        event = edge.responses()[0]
    assert (event.status, event.outcome, event.error_message) == (status, "provider_error", "x")


async def test_a_provider_may_answer_before_it_has_read_the_body(tmp_path: Path) -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b'{"error":"too large"}', "413 Payload Too Large"))
        await writer.drain()
        while await reader.read(1 << 16):
            pass
        writer.close()

    provider = await asyncio.start_server(early, "127.0.0.1", 0)
    config = edge_config(f"http://127.0.0.1:{provider.sockets[0].getsockname()[1]}")
    outbox = OutboxWriter(tmp_path)
    async with EdgeServer(config, outbox) as server, aiohttp.ClientSession() as client:
        data = io.BytesIO(b"x" * 5_000_000)
        async with client.post(server.url + "/v1/files", data=data) as response:
            assert (response.status, await response.read()) == (413, b'{"error":"too large"}')
    outbox.close()
    provider.close()


async def test_a_stop_lets_calls_end(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(http(b"done"))

    async with running_edge(tmp_path, handler) as edge:
        call = spawn(edge.post("/v1/chat/completions", CHAT), name="call")
        await eventually(lambda: edge.provider.received)
        stop = spawn(edge.server.stop(Deadline.after(10)), name="stop")
        await eventually(lambda: refused(edge))
        go_on.set()
        assert await call == (200, b"done")
        await stop
        assert edge.responses()[0].outcome == "ok"


async def test_a_stop_records_what_it_cuts_off(tmp_path: Path) -> None:
    async with running_edge(tmp_path, never) as edge:
        call = spawn(edge.post("/v1/chat/completions", CHAT), name="call")
        await eventually(lambda: edge.provider.received)
        await edge.server.stop(Deadline.after(0.1))
        with pytest.raises(aiohttp.ClientError):
            await call
        event = edge.responses()[0]
    assert (event.outcome, event.status, event.error_code) == ("timeout", 503, "shutdown")


async def refused(edge: Edge) -> bool:
    """Whether new connections are refused."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.server.port or 1)
    except OSError:
        return True
    writer.close()
    return False
