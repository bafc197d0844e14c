"""One exchange with a provider: send the request, pass its answer on, and record the call."""

import time
from dataclasses import dataclass
from http import HTTPStatus

from tallygate.edge import headers
from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.relay import Relay
from tallygate.edge.answer.tap import AnswerTap
from tallygate.edge.answer.translated import TranslatingTap
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.call import AttemptState, Call, elapsed_us
from tallygate.edge.capture import Capture
from tallygate.edge.events import Ending
from tallygate.edge.http.names import RawHeaders, get
from tallygate.edge.recorder import Recorder
from tallygate.edge.request.body import WHOLE_BODY_BYTES, RequestBody, slices, stream
from tallygate.edge.upstream.base import Upstream, UpstreamRequest, UpstreamResponse
from tallygate.edge.wire import Prepared
from tallygate.schemas.call import Outcome

_REQUEST_IDS = (b"x-request-id", b"request-id", b"x-amzn-requestid", b"apim-request-id")


@dataclass(frozen=True, slots=True)
class OneTry:
    """A try that has an answer for the caller."""

    call: Call
    attempt: AttemptState
    prepared: Prepared
    response: UpstreamResponse
    writer: AnswerWriter
    kept: Kept | None


class Exchange:
    """Carries requests out."""

    def __init__(self, upstream: Upstream, recorder: Recorder, *, capture_response_bytes: int) -> None:
        self._upstream = upstream
        self._recorder = recorder
        self._capture_response_bytes = capture_response_bytes

    async def send(self, call: Call, prepared: Prepared, body: RequestBody) -> UpstreamResponse:
        """Send a request and wait for the head of its answer.

        Raises:
            UpstreamError: there is none.
        """
        request = _request(call, prepared, body)
        before = time.monotonic_ns()
        try:
            response = await self._upstream.send(request)
        finally:
            call.upstream_wait_us += elapsed_us(before)
        call.rate_limit = headers.rate_limit(response.headers)
        ids = (get(response.headers, name) for name in _REQUEST_IDS)
        call.provider_request_id = next((value for value in ids if value), "")
        call.usage_flavor = prepared.flavor
        return response

    async def pass_on(self, one: OneTry) -> None:
        """Pass an answer on and write the call's record before its last byte.

        Raises:
            UpstreamError: it does not come whole.
            ClientGoneError: the caller left.
        """
        call, response, kept = one.call, one.response, one.kept
        call.response_capture = Capture(0 if call.labels.omit_response else self._capture_response_bytes)
        tap = _tap(one, call.response_capture)
        call.found = tap.found
        call.stream = call.stream or tap.content_type.startswith("text/event-stream")
        head = tap.head(headers.sort_answer(response.headers))
        if kept is not None:
            kept.begin(response.status, headers.shown(head))

        def finish() -> None:
            status = tap.status
            one.attempt.end("status" if response.status >= HTTPStatus.BAD_REQUEST else tap.broken)
            ending = _ending(call, status, tap.failed)
            if kept is not None and ending.outcome is Outcome.OK:
                kept.end()
            self._recorder.finish(call, ending)

        await Relay(call, response, one.writer, tap, finish).run(head, own_headers(call))


def own_headers(call: Call) -> RawHeaders:
    """The gateway's headers on an answer."""
    request_id = call.request_id.encode()
    own = [(b"Tallygate-Id", request_id), (b"Helicone-Id", request_id)]
    if call.provider:
        own.append((b"Tallygate-Provider", call.provider.encode()))
    if call.model and call.model.isprintable():
        own.append((b"Tallygate-Model", call.model.encode()))
    own.append((b"Tallygate-Attempts", b"%d" % len(call.attempts)))
    own.append((b"Tallygate-Fallback-Index", b"%d" % call.fallback_index))
    return own + call.answer_headers


def _tap(one: OneTry, capture: Capture) -> AnswerTap | TranslatingTap:
    response, prepared = one.response, one.prepared
    content_type = get(response.headers, b"content-type")
    coding = get(response.headers, b"content-encoding")
    if prepared.exchange is not None:
        return TranslatingTap(prepared.exchange, response.status, content_type, coding, capture, one.kept)
    return AnswerTap(
        response.status,
        content_type,
        coding,
        capture,
        hide_usage=prepared.hide_usage and response.status == HTTPStatus.OK,
        kept=one.kept,
    )


def _request(call: Call, prepared: Prepared, body: RequestBody) -> UpstreamRequest:
    payload = prepared.payload
    if payload is None:
        body.edit(list(prepared.edits))
        return UpstreamRequest(call.method, prepared.url, prepared.headers, stream(body), body.length)
    sent = slices(payload) if len(payload) > WHOLE_BODY_BYTES else payload or None
    return UpstreamRequest(call.method, prepared.url, prepared.headers, sent, len(payload))


def _ending(call: Call, status: int, failed_in_stream: bool) -> Ending:
    found = call.found
    failed = (
        status >= HTTPStatus.BAD_REQUEST
        or failed_in_stream
        or (call.stream and bool(found.error_code or found.error_message))
    )
    if failed:
        return Ending(status, Outcome.PROVIDER_ERROR, found.error_code, found.error_message)
    return Ending(status, Outcome.OK)
