"""The handler of calls: what a call goes through from its arrival to its record."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import hdrs
from aiohttp.web_request import BaseRequest

from tallygate.edge import labels, plan
from tallygate.edge.answer.writer import Answered, AnswerWriter
from tallygate.edge.call import MAX_USER_CHARS, Call, clean, elapsed_us
from tallygate.edge.capture import Capture
from tallygate.edge.config import EdgeConfig
from tallygate.edge.errors import GatewayError, body_too_large, invalid_request
from tallygate.edge.events import Ending
from tallygate.edge.exchange import Exchange, own_headers
from tallygate.edge.headers import Inbound, sort_inbound
from tallygate.edge.recorder import Recorder
from tallygate.edge.request.body import BodyReader, RequestBody
from tallygate.edge.request.source import ServerSource
from tallygate.edge.routing import operations
from tallygate.edge.routing.operations import JSON_OPERATIONS, Operation
from tallygate.edge.routing.router import Router
from tallygate.edge.upstream.base import Upstream
from tallygate.runtime.metrics import EdgeMetrics
from tallygate.schemas.call import Outcome

log = logging.getLogger(__name__)

_OUTCOMES = {
    "timeout": Outcome.TIMEOUT,
    "shutdown": Outcome.TIMEOUT,
    "provider_unreachable": Outcome.PROVIDER_ERROR,
    "internal": Outcome.PROVIDER_ERROR,
}
"""Outcomes by the gateway's error codes; the others refuse the call."""
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_ERROR_HEADERS = [(b"Content-Type", b"application/json; charset=utf-8")]


class Proxy:
    """Handles calls."""

    def __init__(
        self, config: EdgeConfig, recorder: Recorder, upstream: Upstream, metrics: EdgeMetrics
    ) -> None:
        self._config = config
        self._recorder = recorder
        self._router = Router(config.targets)
        self._exchange = Exchange(upstream, recorder, capture_response_bytes=config.capture_response_bytes)
        self.in_flight = 0
        self.idle = asyncio.Event()
        """Set while no call is in flight."""
        self.idle.set()
        metrics.watch_calls(lambda: self.in_flight)
        self.stopping = False
        """Set before calls are cancelled because the process ends; connections are not kept any more."""

    async def handle(self, request: BaseRequest) -> Answered:
        """Handle one call; whatever happens, it is answered and recorded."""
        path, _, query = _target(request).partition("?")
        call = Call(request.method, path)
        writer = AnswerWriter(request, keep_alive=not self.stopping)
        self._enter(1)
        try:
            await self._answer(call, request, query, writer)
        finally:
            self._enter(-1)
        return writer.answered()

    async def refuse(self, request: BaseRequest, error: GatewayError) -> Answered:
        """Answer and record a request that could not even be parsed."""
        call = Call("", "")
        writer = AnswerWriter(request, keep_alive=False)
        await self._fail(call, writer, error)
        return writer.answered()

    def _enter(self, by: int) -> None:
        self.in_flight += by
        if self.in_flight:
            self.idle.clear()
        else:
            self.idle.set()

    async def _answer(self, call: Call, request: BaseRequest, query: str, writer: AnswerWriter) -> None:
        try:
            await self._within_budget(call, request, query, writer)
        except GatewayError as error:
            await self._fail(call, writer, error)
        except ConnectionError:
            self._client_gone(call)
        except asyncio.CancelledError:
            self._cancelled(call)
            raise
        except Exception:
            log.exception("call %s failed inside of the gateway", call.request_id)
            await self._fail(call, writer, GatewayError(500, "internal", "The gateway failed; see its log."))

    async def _within_budget(
        self, call: Call, request: BaseRequest, query: str, writer: AnswerWriter
    ) -> None:
        """Read the labels, which say how much time there is, and serve the call within it."""
        inbound = sort_inbound(list(request.raw_headers))
        call.operation = operations.classify(call.path, self._config.targets)
        call.label(labels.parse(inbound.gateway))
        budget_ms = call.labels.timeout_ms or self._config.request_timeout_ms
        try:
            async with asyncio.timeout(budget_ms / 1000):
                await self._serve(call, request, inbound, query, writer)
        except TimeoutError as error:
            for attempt in call.attempts:
                attempt.end("timeout")
            raise GatewayError(504, "timeout", f"No complete answer within {budget_ms} ms.") from error

    async def _serve(
        self, call: Call, request: BaseRequest, inbound: Inbound, query: str, writer: AnswerWriter
    ) -> None:
        operation = _checked(call.operation, call.path, request)
        capture = Capture(0 if call.labels.omit_request else self._config.capture_request_bytes)
        call.request_capture = capture
        length = self._declared_length(call, request)
        source = ServerSource(request, expects_continue=inbound.expects_continue)
        reader = BodyReader(source, capture, length=length, max_bytes=self._config.max_body_bytes)
        body = await _timed(call, lambda: _read(request, inbound, operation, reader))
        self._know(call, operation, body)
        route = plan.route(self._router, operation, body.fields.model)
        call.provider, call.model = route.target.id, route.model
        planned = plan.plan(route, operation, query, inbound, body)
        for secret in plan.secrets(planned, query):
            call.keep_secret(secret)
        self._recorder.begin(call)
        await self._exchange.run(call, planned, body, reader, writer)

    def _declared_length(self, call: Call, request: BaseRequest) -> int | None:
        """The body's length by its header, None if it is chunked.

        Raises:
            GatewayError: 413.
        """
        if not request.body_exists:
            call.request_bytes = 0
            return 0
        value = request.headers.get(hdrs.CONTENT_LENGTH)
        call.request_bytes = None if value is None else int(value)
        if call.request_bytes is not None and call.request_bytes > self._config.max_body_bytes:
            raise body_too_large(self._config.max_body_bytes)
        return call.request_bytes

    def _know(self, call: Call, operation: Operation, body: RequestBody) -> None:
        fields = body.fields
        call.model_requested = fields.model or operation.model
        call.stream = fields.stream
        call.user_id = call.user_id or clean(fields.user, MAX_USER_CHARS)
        if body.complete and call.request_bytes is None:
            call.request_bytes = len(body.head)

    async def _fail(self, call: Call, writer: AnswerWriter, error: GatewayError) -> None:
        """Record a failure and tell the caller, if it can still be told."""
        outcome = _OUTCOMES.get(error.code, Outcome.REJECTED)
        status = writer.status or error.status
        self._recorder.finish(call, Ending(status, outcome, error.code, error.message))
        if writer.status:
            writer.abort()
            return
        answer_headers = [*_ERROR_HEADERS, *own_headers(call)]
        with suppress(ConnectionError):
            await writer.whole(error.status, "", answer_headers, error.body(call.dialect))

    def _client_gone(self, call: Call) -> None:
        self._recorder.finish(
            call, Ending(499, Outcome.CLIENT_CANCELLED, "client_gone", "The caller closed the connection.")
        )

    def _cancelled(self, call: Call) -> None:
        """The server cancels a handler when its connection is lost, and when the process ends."""
        if self.stopping:
            ending = Ending(503, Outcome.TIMEOUT, "shutdown", "The gateway was stopped during the call.")
            self._recorder.finish(call, ending)
        else:
            self._client_gone(call)


def _target(request: BaseRequest) -> str:
    """The request's target: path and query, as sent."""
    target = request.raw_path
    return target if target[:1] == "/" else _ABSOLUTE.sub("", target, count=1)


def _checked(operation: Operation | None, path: str, request: BaseRequest) -> Operation:
    if operation is None:
        raise GatewayError(
            404, "not_found", f"The gateway has no path {path[:256]}; see /v1/chat/completions and others."
        )
    if operations.is_unsafe(path):
        raise invalid_request("The path has dot segments.")
    if not request.raw_path.isascii():
        raise invalid_request("The path has characters that are not percent-encoded.")
    if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
        raise invalid_request("WebSocket connections are not supported yet.")
    return operation


async def _read(
    request: BaseRequest, inbound: Inbound, operation: Operation, reader: BodyReader
) -> RequestBody:
    if not request.body_exists:
        if operation.name in JSON_OPERATIONS and request.method == "POST":
            raise invalid_request("The body is empty; a JSON object is needed.")
        return RequestBody()
    json_only = operation.name in JSON_OPERATIONS and request.method == "POST"
    return await reader.whole_or_head(inbound.content_type, inbound.content_encoding, json_only=json_only)


async def _timed(call: Call, read: Callable[[], Awaitable[RequestBody]]) -> RequestBody:
    """Time spent waiting for the caller is not the gateway's own."""
    before = time.monotonic_ns()
    body = await read()
    call.upstream_wait_us += elapsed_us(before)
    return body
