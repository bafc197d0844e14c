"""One exchange with a provider: send the call, record the attempt, pass the answer on."""

import time
from collections.abc import AsyncIterator
from http import HTTPStatus

from tallygate.edge import headers
from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.relay import Relay
from tallygate.edge.answer.tap import AnswerTap
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.call import AttemptState, Call, elapsed_us
from tallygate.edge.capture import Capture
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.http.names import RawHeaders, get
from tallygate.edge.plan import Plan
from tallygate.edge.recorder import Recorder
from tallygate.edge.request.body import WHOLE_BODY_BYTES, BodyReader, RequestBody, stream
from tallygate.edge.upstream.base import (
    Upstream,
    UpstreamError,
    UpstreamRequest,
    UpstreamResponse,
    UpstreamTimeoutError,
)
from tallygate.schemas.call import Outcome

_REQUEST_IDS = (b"x-request-id", b"request-id")


class Exchange:
    """Carries a planned call out."""

    def __init__(self, upstream: Upstream, recorder: Recorder, *, capture_response_bytes: int) -> None:
        self._upstream = upstream
        self._recorder = recorder
        self._capture_response_bytes = capture_response_bytes

    async def run(
        self,
        call: Call,
        planned: Plan,
        body: RequestBody,
        reader: BodyReader,
        writer: AnswerWriter,
        kept: Kept | None = None,
    ) -> None:
        """Send the call and pass its answer on.

        Raises:
            GatewayError: 502 or 504; or 4xx, the caller's own body turned out to be bad under way.
            ClientGoneError: the caller left.
        """
        attempt = call.begin_attempt()
        response: UpstreamResponse | None = None
        try:
            response = await self._send(call, planned, body)
            attempt.status = response.status
            await self._pass_on(call, attempt, planned, response, writer, kept)
        except UpstreamError as error:
            attempt.end(error.kind)
            raise reader.error or _as_gateway_error(call, error) from error
        finally:
            if response is not None:
                response.close()

    async def _send(self, call: Call, planned: Plan, body: RequestBody) -> UpstreamResponse:
        request = UpstreamRequest(call.method, planned.url, planned.headers, _payload(body), body.length)
        before = time.monotonic_ns()
        response = await self._upstream.send(request)
        call.upstream_wait_us += elapsed_us(before)
        call.rate_limit = headers.rate_limit(response.headers)
        ids = (get(response.headers, name) for name in _REQUEST_IDS)
        call.provider_request_id = next((value for value in ids if value), "")
        return response

    async def _pass_on(
        self,
        call: Call,
        attempt: AttemptState,
        planned: Plan,
        response: UpstreamResponse,
        writer: AnswerWriter,
        kept: Kept | None,
    ) -> None:
        content_type = get(response.headers, b"content-type")
        call.response_capture = Capture(0 if call.labels.omit_response else self._capture_response_bytes)
        tap = AnswerTap(
            content_type,
            get(response.headers, b"content-encoding"),
            call.response_capture,
            hide_usage=planned.hide_usage and response.status == HTTPStatus.OK,
            kept=kept,
        )
        if kept is not None:
            kept.begin(response.status, headers.shown(headers.sort_answer(response.headers)))
        call.found = tap.found
        call.stream = call.stream or content_type.lower().startswith("text/event-stream")

        def finish() -> None:
            attempt.end("status" if response.status >= HTTPStatus.BAD_REQUEST else "")
            ending = _ending(call, response.status)
            if kept is not None and ending.outcome is Outcome.OK:
                kept.end()
            self._recorder.finish(call, ending)

        await Relay(call, response, writer, tap, finish).run(own_headers(call))


def own_headers(call: Call) -> RawHeaders:
    """The gateway's headers on an answer."""
    request_id = call.request_id.encode()
    own = [(b"Tallygate-Id", request_id), (b"Helicone-Id", request_id)]
    if call.provider:
        own.append((b"Tallygate-Provider", call.provider.encode()))
    if call.model and call.model.isprintable():
        own.append((b"Tallygate-Model", call.model.encode()))
    own.append((b"Tallygate-Attempts", b"%d" % len(call.attempts)))
    return own + call.answer_headers


def _payload(body: RequestBody) -> bytes | AsyncIterator[bytes] | None:
    if not body.complete or len(body.head) > WHOLE_BODY_BYTES:
        return stream(body)
    return bytes(body.head) if body.head else None


def _ending(call: Call, status: int) -> Ending:
    found = call.found
    failed = status >= HTTPStatus.BAD_REQUEST or (
        call.stream and bool(found.error_code or found.error_message)
    )
    if failed:
        return Ending(status, Outcome.PROVIDER_ERROR, found.error_code, found.error_message)
    return Ending(status, Outcome.OK)


def _as_gateway_error(call: Call, error: UpstreamError) -> GatewayError:
    if isinstance(error, UpstreamTimeoutError):
        return GatewayError(504, "timeout", f"{call.provider}: {error}")
    return GatewayError(502, "provider_unreachable", f"{call.provider}: {error}")
