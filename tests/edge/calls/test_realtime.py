"""WebSocket sessions through the edge."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import openai
import orjson
import pytest
from aiohttp import WSMsgType, web

from tests.support.edge import Edge, edge_before
from tests.support.wait import eventually

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]
USAGE = {"total_tokens": 5, "input_tokens": 3, "output_tokens": 2, "input_token_details": {"audio_tokens": 1}}


async def echo(socket: web.WebSocketResponse) -> None:
    """Sends back what it gets, and tells usage after each text."""
    await socket.send_str('{"type":"session.created","session":{"model":"gpt-realtime-1"}}')
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        else:
            await socket.send_str(message.data)
            done = {"type": "response.done", "response": {"usage": USAGE}}
            await socket.send_str(orjson.dumps(done).decode())


@asynccontextmanager
async def world(
    tmp_path: Path, talk: Talk = echo, status: int = 101
) -> AsyncIterator[tuple[Edge, list[web.BaseRequest]]]:
    """An edge in front of a provider that talks so."""
    seen: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request)
        if status != 101:
            return web.Response(status=status)
        socket = web.WebSocketResponse(protocols=("realtime",))
        await socket.prepare(request)
        await talk(socket)
        return socket

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with edge_before(tmp_path, f"http://{host}:{port}", {"OPENAI_API_KEY": "sk-env"}) as edge:
            yield edge, seen
    finally:
        await runner.cleanup()


def path(edge: Edge, model: str = "gpt-realtime") -> str:
    return f"{edge.url}/v1/realtime?model={model}"


async def test_frames_pass_both_ways_and_the_session_is_recorded_at_its_end(tmp_path: Path) -> None:
    async with world(tmp_path) as (edge, seen):
        async with edge.client.ws_connect(
            path(edge, "openai/gpt-realtime"), protocols=("realtime",)
        ) as socket:
            assert socket.protocol == "realtime"
            assert (await socket.receive_json())["type"] == "session.created"
            await socket.send_bytes(b"\x00\xff" * 1000)
            assert await socket.receive_bytes() == b"\x00\xff" * 1000
            for text in ("one", "two"):
                await socket.send_str(text)
                assert await socket.receive_str() == text
                assert (await socket.receive_json())["type"] == "response.done"
            assert edge.responses() == []
        event = (await eventually(edge.responses))[0]
        assert seen[0].headers["Authorization"] == "Bearer sk-env"
        assert seen[0].path_qs == "/v1/realtime?model=gpt-realtime"
    assert (event.outcome, event.status, event.endpoint) == ("ok", 101, "realtime")
    assert (event.provider, event.model, event.stream) == ("openai", "gpt-realtime-1", True)
    assert event.usage == {
        "total_tokens": 10,
        "input_tokens": 6,
        "output_tokens": 4,
        "input_token_details": {"audio_tokens": 2},
    }


async def test_the_openai_package(tmp_path: Path) -> None:
    async with world(tmp_path) as (edge, _):
        async with (
            openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="none") as sdk,
            sdk.realtime.connect(model="gpt-realtime") as connection,
        ):
            assert (await connection.recv()).type == "session.created"
        await eventually(edge.responses)


@pytest.mark.parametrize("code", [1000, 1011, 4001])
async def test_the_providers_close_code_reaches_the_caller(code: int, tmp_path: Path) -> None:
    async def leave(socket: web.WebSocketResponse) -> None:
        await socket.close(code=code, message=b"bye")

    async with world(tmp_path, leave) as (edge, _):
        async with edge.client.ws_connect(path(edge)) as socket:
            message = await socket.receive()
            assert (socket.close_code, message.extra) == (code, "bye")
        event = (await eventually(edge.responses))[0]
    assert event.outcome == ("provider_error" if code == 1011 else "ok")


async def test_a_provider_that_drops_ends_the_caller(tmp_path: Path) -> None:
    async def drop(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None
        transport = socket._req.transport
        assert transport is not None
        transport.abort()

    async with world(tmp_path, drop) as (edge, _):
        async with edge.client.ws_connect(path(edge)) as socket:
            await asyncio.wait_for(socket.receive(), 5)
            assert socket.close_code == 1011
        assert (await eventually(edge.responses))[0].outcome == "provider_error"


async def test_a_caller_that_drops_ends_the_provider(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def wait(socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            pass
        ended.set()

    async with world(tmp_path, wait) as (edge, _):
        socket = await edge.client.ws_connect(path(edge))
        response: aiohttp.ClientResponse = socket._response
        assert response.connection is not None
        transport = response.connection.transport
        assert transport is not None
        transport.abort()
        await asyncio.wait_for(ended.wait(), 5)
        event = (await eventually(edge.responses))[0]
    assert (event.outcome, event.status) == ("client_cancelled", 499)


async def test_a_refusal_is_passed_on(tmp_path: Path) -> None:
    async with world(tmp_path, status=401) as (edge, _):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await edge.client.ws_connect(path(edge))
        assert caught.value.status == 401
        event = edge.responses()[0]
    assert (event.status, [each.status for each in event.attempts]) == (401, [401])


async def test_other_paths_have_no_websockets(tmp_path: Path) -> None:
    async with world(tmp_path) as (edge, seen):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await edge.client.ws_connect(edge.url + "/v1/chat/completions")
        assert (caught.value.status, seen) == (400, [])
