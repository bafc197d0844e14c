"""WebSocket sessions (OpenAI's realtime API): frames pass both ways, and the record is written at the end."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote

import aiohttp
from aiohttp import WSCloseCode, WSMessage, WSMsgType, hdrs, web
from aiohttp.web_request import BaseRequest

from tallygate.edge import wire
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.call import Call, elapsed_us
from tallygate.edge.capture import Capture
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.exchange import own_headers
from tallygate.edge.headers import GATEWAY_KEY
from tallygate.edge.http.names import text
from tallygate.edge.resilience.balance import BreakerBoard
from tallygate.edge.routing.itinerary import Itinerary
from tallygate.edge.routing.operations import Operation
from tallygate.edge.steps import Arrival
from tallygate.edge.trip import Trip, now_ms
from tallygate.edge.upstream.base import UpstreamError
from tallygate.edge.upstream.websocket import MAX_MESSAGE_BYTES, RefusedError, WebSocketUpstream
from tallygate.edge.usage.realtime import FLAVOR, RealtimeCollector
from tallygate.runtime.tasks import spawn
from tallygate.schemas.call import Outcome

MAX_SESSION_MS = 86_400_000
"""Sessions last as long as both sides want, and no longer than this."""
_KEY_PROTOCOL = "openai-insecure-api-key."
"""How browsers send a key: as a sub-protocol of this name."""
_NORMAL = frozenset({WSCloseCode.OK, WSCloseCode.GOING_AWAY, 1005})
_SENDABLE = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse
Note = Callable[[WSMessage], None]


def is_websocket(request: BaseRequest) -> bool:
    """Whether a request asks for a WebSocket."""
    return request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"


def protocol_key(request: BaseRequest) -> str:
    """The key among a request's sub-protocols; empty if there is none."""
    keys = (each for each in _protocols(request) if each.startswith(_KEY_PROTOCOL))
    return next(keys, "").removeprefix(_KEY_PROTOCOL)


def model_of(query: str) -> str:
    """The model that a session's query names."""
    return parse_qs(query).get("model", [""])[0]


class Realtime:
    """Serves sessions."""

    def __init__(self, upstream: WebSocketUpstream, board: BreakerBoard, *, capture_bytes: int) -> None:
        self._upstream = upstream
        self._board = board
        self._capture_bytes = capture_bytes

    async def run(
        self,
        arrival: Arrival,
        operation: Operation,
        itinerary: Itinerary,
        request: BaseRequest,
        writer: AnswerWriter,
    ) -> None:
        """Connect to the provider, then accept the caller, and pass frames on until one of them ends.

        Raises:
            GatewayError: there is no connection to the provider.
        """
        call = arrival.call
        provider = await self._connect(arrival, operation, itinerary, request)
        try:
            caller = web.WebSocketResponse(
                protocols=(provider.protocol,) if provider.protocol else (),
                autoclose=False,
                compress=False,
                max_msg_size=MAX_MESSAGE_BYTES,
            )
            caller.headers.update({text(name): text(value) for name, value in own_headers(call)})
            writer.status, writer.keep_alive = 101, False
            await caller.prepare(request)
            session = _Session(call, caller, provider, self._capture_bytes)
            ending = await session.run()
            call.attempts[-1].end("closed" if ending.outcome is Outcome.PROVIDER_ERROR else "")
            # Before either side is told that it is over: the caller's leaving cancels this.
            arrival.finish(ending)
            await session.close()
        finally:
            await provider.close(code=WSCloseCode.GOING_AWAY)

    async def _connect(
        self, arrival: Arrival, operation: Operation, itinerary: Itinerary, request: BaseRequest
    ) -> aiohttp.ClientWebSocketResponse:
        call, stop = arrival.call, itinerary.stops[0]
        trip = Trip(itinerary, self._board, arrival.deadline, lambda: 0.5)
        choice = trip.choose(0)
        if choice is None:
            call.retry_after_s = trip.wakes_in_s(0)
            raise trip.no_healthy(0)
        query = _with_model(arrival.query, call.model_requested, stop.model)
        sending = wire.Sending(
            "GET", operation, query, arrival.inbound, arrival.body, call.request_id, datetime.now(UTC)
        )
        prepared = wire.prepare(sending, stop, stop.places[choice.index])
        for secret in wire.secrets(prepared):
            call.keep_secret(secret)
        sent = [each for each in prepared.headers if not each[0].lower().startswith(b"sec-websocket-")]
        attempt, before = call.begin_attempt(), time.monotonic_ns()
        try:
            found = await self._upstream.connect(prepared.url, sent, _passed_on(request))
        except RefusedError as error:
            attempt.status = error.status
            attempt.end("status")
            choice.breaker.released(choice.permit)
            message = f"{call.provider} refused the session with status {error.status}."
            raise GatewayError(error.status, "provider_unreachable", message) from error
        except UpstreamError as error:
            attempt.end(error.kind)
            choice.breaker.failed(choice.permit, now_ms())
            raise GatewayError(502, "provider_unreachable", f"{call.provider}: {error}") from error
        finally:
            call.upstream_wait_us += elapsed_us(before)
        attempt.status = 101
        choice.breaker.succeeded(choice.permit, now_ms())
        return found


class _Session:
    """Two open sockets, and what passes between them."""

    def __init__(
        self,
        call: Call,
        caller: web.WebSocketResponse,
        provider: aiohttp.ClientWebSocketResponse,
        capture_bytes: int,
    ) -> None:
        self._call = call
        self._caller = caller
        self._provider = provider
        self._collector = RealtimeCollector()
        call.found = self._collector.found
        call.usage_flavor = FLAVOR
        call.stream = True
        self._reason = ""
        self._by_caller = False
        """Who ended the session."""
        call.response_capture = Capture(0 if call.labels.omit_response else capture_bytes)

    async def run(self) -> Ending:
        """Pass frames on until one side ends."""
        call, started_ns = self._call, time.monotonic_ns()
        up = spawn(self._pump(self._caller, self._provider, self._sent), name="realtime-up")
        down = spawn(self._pump(self._provider, self._caller, self._received), name="realtime-down")
        try:
            done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            down.cancel()
            call.upstream_wait_us += elapsed_us(started_ns)
        self._by_caller = up in done
        return self._ending()

    async def close(self) -> None:
        """Close what is open, with the code of the side that ended first."""
        ended, other = self._sides()
        code = ended.close_code or WSCloseCode.ABNORMAL_CLOSURE
        if code not in _SENDABLE:
            code = WSCloseCode.OK if _is_normal(code) else WSCloseCode.INTERNAL_ERROR
        for side in (other, ended):
            with suppress(ConnectionError, RuntimeError):
                await side.close(code=code, message=self._reason.encode()[:123])

    def _sides(self) -> tuple[Socket, Socket]:
        both = (self._caller, self._provider)
        return both if self._by_caller else both[::-1]

    def _ending(self) -> Ending:
        ended, _ = self._sides()
        if _is_normal(ended.close_code or WSCloseCode.ABNORMAL_CLOSURE):
            return Ending(101, Outcome.OK)
        if self._by_caller:
            return Ending(499, Outcome.CLIENT_CANCELLED, "client_gone", "The caller closed the connection.")
        return Ending(101, Outcome.PROVIDER_ERROR, "provider_unreachable", "The provider ended the session.")

    async def _pump(self, source: Socket, sink: Socket, note: Note) -> None:
        while True:
            message = await source.receive()
            if message.type is WSMsgType.TEXT:
                note(message)
                await sink.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                note(message)
                await sink.send_bytes(message.data)
            else:
                if message.type is WSMsgType.CLOSE and isinstance(message.extra, str):
                    self._reason = message.extra
                return

    def _sent(self, message: WSMessage) -> None:
        if (capture := self._call.request_capture) is not None:
            capture.add(_line(message), wire_bytes=len(message.data))
            self._call.request_bytes = (self._call.request_bytes or 0) + len(message.data)

    def _received(self, message: WSMessage) -> None:
        if self._call.ttft_us is None:
            self._call.ttft_us = elapsed_us(self._call.started_ns)
        if message.type is WSMsgType.TEXT:
            self._collector.feed(message.data)
        if (capture := self._call.response_capture) is not None:
            capture.add(_line(message), wire_bytes=len(message.data))


def _is_normal(code: int) -> bool:
    return code in _NORMAL or 3000 <= code < 5000


def _with_model(query: str, asked: str, model: str) -> str:
    """The query with the model's name at the provider."""
    if asked == model:
        return query
    parts = (
        f"model={quote(model, safe='')}" if part.startswith("model=") else part for part in query.split("&")
    )
    return "&".join(parts)


def _line(message: WSMessage) -> bytes:
    """A frame as it is recorded: events as lines of JSON."""
    return message.data.encode() + b"\n" if message.type is WSMsgType.TEXT else bytes(message.data)


def _protocols(request: BaseRequest) -> tuple[str, ...]:
    values = request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, [])
    return tuple(each.strip() for value in values for each in value.split(",") if each.strip())


def _passed_on(request: BaseRequest) -> tuple[str, ...]:
    """The caller's sub-protocols without a key of the gateway's."""
    return tuple(each for each in _protocols(request) if not each.startswith(_KEY_PROTOCOL + GATEWAY_KEY))
