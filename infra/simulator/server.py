"""The simulator's sockets: reading requests, and sending plans with the delays and damage asked for."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from tallygate.infra.simulator.controls import Controls
from tallygate.infra.simulator.plan import JSON, Plan
from tallygate.infra.simulator.simulator import Knobs, Received, Simulator
from tallygate.infra.simulator.stats import Seen, Stats

MAX_BODY_BYTES = 1 << 30
SHUTDOWN_S = 0.5
STREAM_TYPE = "text/event-stream; charset=utf-8"
NO_EVENTS = b'data: {"half": \n\nthis line is no event\n\ndata: [1, 2\n\n'


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A simulator that listens."""

    url: str
    """Without a path; OpenAI's base URL is this and `/v1`."""
    simulator: Simulator

    @property
    def stats(self) -> Stats:
        """What it was asked."""
        return self.simulator.stats

    @property
    def seen(self) -> list[Seen]:
        """The last requests, oldest first."""
        return list(self.simulator.stats.seen)


def build_app(simulator: Simulator) -> web.Application:
    """The simulator as an aiohttp application."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _handle(simulator, request)

    async def stats(request: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(simulator.stats.as_dict()), content_type=JSON)

    async def healthz(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_get("/simulator/stats", stats)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", healthz)
    app.router.add_route("*", "/{tail:.*}", handle)
    return app


@asynccontextmanager
async def running_simulator(
    knobs: Knobs | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningSimulator]:
    """Serve a simulator in this process until the block ends."""
    simulator = Simulator(knobs)
    runner = web.AppRunner(build_app(simulator), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        actual = runner.addresses[0][1]
        yield RunningSimulator(f"http://{host}:{actual}", simulator)
    finally:
        await runner.cleanup()


async def _handle(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    simulator.stats.in_flight += 1
    try:
        received = Received(
            request.method,
            request.path,
            request.query,
            {name.lower(): value for name, value in request.headers.items()},
            await _body(request),
        )
        plan, controls = simulator.answer(received)
        await asyncio.sleep(controls.delay_ms / 1000)
        if plan.events is None:
            return await _send_body(request, plan, controls)
        return await _send_events(request, plan, plan.events, controls)
    except ConnectionError:
        simulator.stats.cancelled += 1
        raise
    finally:
        simulator.stats.in_flight -= 1


async def _body(request: web.Request) -> bytes:
    """The body, decompressed; one that is not what it says is the caller's mistake, as at a provider."""
    try:
        return await request.read()
    except (web.RequestPayloadError, BadHttpMessage, zlib.error) as error:
        raise web.HTTPBadRequest(text="the body can't be decoded") from error


async def _send_body(request: web.Request, plan: Plan, controls: Controls) -> web.StreamResponse:
    headers = {**plan.headers, "content-type": plan.content_type}
    if controls.cut_after < 0 or plan.status != 200:
        return web.Response(body=plan.body, status=plan.status, headers=headers)
    response = web.StreamResponse(status=plan.status, headers=headers)
    response.content_length = len(plan.body)
    await response.prepare(request)
    await response.write(plan.body[: len(plan.body) // 2])
    _close(request)
    return response


async def _send_events(
    request: web.Request, plan: Plan, events: tuple[bytes, ...], controls: Controls
) -> web.StreamResponse:
    headers = {**plan.headers, "content-type": STREAM_TYPE, "cache-control": "no-cache"}
    response = web.StreamResponse(status=plan.status, headers=headers)
    await response.prepare(request)
    damage_at = len(events) // 2 if controls.bad_sse else -1
    for index, event in enumerate(events):
        if index == controls.cut_after:
            _close(request)
            return response
        if index:
            await asyncio.sleep(controls.chunk_delay_ms / 1000)
        await response.write(NO_EVENTS + event if index == damage_at else event)
    await response.write_eof()
    return response


def _close(request: web.Request) -> None:
    """End the connection in the middle of the answer."""
    if request.transport is not None:
        request.transport.close()
