"""The first steps of a call: is there such a path, who calls, and what does the body's head say."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from aiohttp import hdrs
from aiohttp.web_request import BaseRequest

from tallygate.edge.call import MAX_USER_CHARS, Call, clean, elapsed_us, now_us
from tallygate.edge.capture import Capture
from tallygate.edge.config import EdgeConfig
from tallygate.edge.errors import GatewayError, body_too_large, invalid_request
from tallygate.edge.headers import GATEWAY_KEY, Inbound, secret_of
from tallygate.edge.http.names import text
from tallygate.edge.identity import Identity, identify, presented, query_keys, without_gateway_key
from tallygate.edge.realtime import is_websocket, model_of, protocol_key
from tallygate.edge.recorder import Recorder
from tallygate.edge.request.body import BodyReader, RequestBody
from tallygate.edge.request.source import ServerSource
from tallygate.edge.routing import operations
from tallygate.edge.routing.operations import JSON_OPERATIONS, Operation
from tallygate.edge.routing.world import World
from tallygate.edge.steps import Arrival
from tallygate.runtime.deadline import Deadline


class Reception:
    """Receives calls."""

    def __init__(self, config: EdgeConfig, recorder: Recorder) -> None:
        self._config = config
        self._recorder = recorder

    def checked(self, call: Call, request: BaseRequest) -> Operation:
        """The call's operation.

        Raises:
            GatewayError: 404, there is no such path; 400, it can't be forwarded.
        """
        operation, path = call.operation, call.path
        if operation is None:
            raise GatewayError(
                404,
                "not_found",
                f"The gateway has no path {path[:256]}; see /v1/chat/completions and others.",
            )
        if operations.is_unsafe(path):
            raise invalid_request("The path has dot segments.")
        if not request.raw_path.isascii():
            raise invalid_request("The path has characters that are not percent-encoded.")
        if is_websocket(request) and not (operation.passthrough or operation.name == "realtime"):
            raise invalid_request("WebSocket connections are for /v1/realtime.")
        return operation

    async def receive(
        self,
        call: Call,
        request: BaseRequest,
        inbound: Inbound,
        query: str,
        deadline: Deadline,
        world: World,
    ) -> Arrival:
        """Identify the caller and read the body as far as routing needs.

        Raises:
            GatewayError: 400, 401, 404, 413.
        """
        operation = self.checked(call, request)
        if is_websocket(request):
            inbound = _with_protocol_key(call, request, inbound)
        identity = self._identify(call, inbound, query, world)
        capture = Capture(0 if call.labels.omit_request else self._config.capture_request_bytes)
        call.request_capture = capture
        length = self._declared_length(call, request)
        source = ServerSource(request, expects_continue=inbound.expects_continue)
        reader = BodyReader(source, capture, length=length, max_bytes=self._config.max_body_bytes)
        body = await _timed(call, partial(_read, request, inbound, operation, reader))
        _know(call, operation, body)
        if is_websocket(request):
            call.model_requested = call.model_requested or model_of(query)
        finish = partial(self._recorder.finish, call)
        return Arrival(call, identity, inbound, without_gateway_key(query), body, reader, deadline, finish)

    async def hold(self, call: Call, body: RequestBody) -> None:
        """Read the body's rest, and keep all of it in memory.

        Raises:
            GatewayError: 400, 413.
        """
        before = time.monotonic_ns()
        await body.hold()
        call.upstream_wait_us += elapsed_us(before)

    def _identify(self, call: Call, inbound: Inbound, query: str, world: World) -> Identity:
        key = presented(inbound, query)
        for secret in (
            key,
            *(secret_of(text(value)) for _, value in inbound.credentials),
            *query_keys(query),
        ):
            call.keep_secret(secret)
        identity = identify(key, world.snapshot, now_us(), open_mode=self._config.open_mode)
        call.project = identity.project
        if identity.key is not None:
            call.key_id = identity.key.key_id
            call.user_id = call.user_id or identity.key.user_id
        settings = world.snapshot.project_settings(identity.project)
        if settings.omit_request or settings.omit_response:
            call.labels = replace(
                call.labels,
                omit_request=call.labels.omit_request or settings.omit_request,
                omit_response=call.labels.omit_response or settings.omit_response,
            )
        return identity

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


def _with_protocol_key(call: Call, request: BaseRequest, inbound: Inbound) -> Inbound:
    """Browsers can't set headers: a gateway key may come as a sub-protocol."""
    key = protocol_key(request)
    call.keep_secret(key)
    if inbound.gateway_key or not key.startswith(GATEWAY_KEY):
        return inbound
    return replace(inbound, gateway_key=key)


def _know(call: Call, operation: Operation, body: RequestBody) -> None:
    fields = body.fields
    call.model_requested = fields.model or operation.model
    call.stream = fields.stream
    call.user_id = call.user_id or clean(fields.user, MAX_USER_CHARS)
    if body.complete and call.request_bytes is None:
        call.request_bytes = len(body.head)


async def _read(
    request: BaseRequest, inbound: Inbound, operation: Operation, reader: BodyReader
) -> RequestBody:
    json_only = operation.name in JSON_OPERATIONS and request.method == "POST"
    if not request.body_exists:
        if json_only:
            raise invalid_request("The body is empty; a JSON object is needed.")
        return RequestBody()
    return await reader.whole_or_head(inbound.content_type, inbound.content_encoding, json_only=json_only)


async def _timed(call: Call, read: Callable[[], Awaitable[RequestBody]]) -> RequestBody:
    """Time spent waiting for the caller is not the gateway's own."""
    before = time.monotonic_ns()
    body = await read()
    call.upstream_wait_us += elapsed_us(before)
    return body
