"""The handler of calls: whatever happens in the pipeline, each is answered and recorded within its time."""

import asyncio
import logging
import re
from contextlib import suppress

from aiohttp.web_request import BaseRequest

from tallygate.edge import labels
from tallygate.edge.answer.writer import Answered, AnswerWriter
from tallygate.edge.call import Call
from tallygate.edge.config import EdgeConfig
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.exchange import own_headers
from tallygate.edge.headers import sort_inbound
from tallygate.edge.pipeline import Pipeline
from tallygate.edge.realtime import MAX_SESSION_MS, is_websocket
from tallygate.edge.recorder import Recorder
from tallygate.edge.routing import operations
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.metrics import EdgeMetrics
from tallygate.schemas.call import Outcome

log = logging.getLogger(__name__)

_OUTCOMES = {
    "timeout": Outcome.TIMEOUT,
    "shutdown": Outcome.TIMEOUT,
    "provider_unreachable": Outcome.PROVIDER_ERROR,
    "no_healthy_provider": Outcome.PROVIDER_ERROR,
    "internal": Outcome.PROVIDER_ERROR,
}
"""Outcomes by the gateway's error codes; the others refuse the call."""
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_ERROR_HEADERS = [(b"Content-Type", b"application/json; charset=utf-8")]


class Proxy:
    """Handles calls."""

    def __init__(
        self, config: EdgeConfig, recorder: Recorder, pipeline: Pipeline, metrics: EdgeMetrics
    ) -> None:
        self._config = config
        self._recorder = recorder
        self._pipeline = pipeline
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
        call.operation = operations.classify(call.path, self._pipeline.providers)
        call.label(labels.parse(inbound.gateway))
        most_ms = MAX_SESSION_MS if is_websocket(request) else self._config.request_timeout_ms
        budget_ms = call.labels.timeout_ms or most_ms
        try:
            async with asyncio.timeout(budget_ms / 1000):
                deadline = Deadline.after(budget_ms / 1000)
                await self._pipeline.serve(call, request, inbound, query, writer, deadline)
        except TimeoutError as error:
            for attempt in call.attempts:
                attempt.end("timeout")
            raise GatewayError(504, "timeout", f"No complete answer within {budget_ms} ms.") from error

    async def _fail(self, call: Call, writer: AnswerWriter, error: GatewayError) -> None:
        """Record a failure and tell the caller, if it can still be told."""
        outcome = _OUTCOMES.get(error.code, Outcome.REJECTED)
        status = writer.status or error.status
        self._recorder.finish(call, Ending(status, outcome, error.code, error.message))
        if writer.status:
            writer.abort()
            return
        answer_headers = [*_ERROR_HEADERS, *own_headers(call)]
        if call.retry_after_s is not None and error.code == "no_healthy_provider":
            answer_headers.append((b"Retry-After", b"%d" % call.retry_after_s))
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
