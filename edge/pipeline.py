"""The steps of a call, in their order; what goes wrong in any of them is `edge.proxy`'s to answer."""

from aiohttp.web_request import BaseRequest

from tallygate.edge import plan
from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.arrival import Reception
from tallygate.edge.call import Call
from tallygate.edge.config import EdgeConfig
from tallygate.edge.exchange import Exchange
from tallygate.edge.headers import Inbound
from tallygate.edge.recorder import Recorder
from tallygate.edge.routing.router import Router
from tallygate.edge.steps import Cache, Gate
from tallygate.edge.upstream.base import Upstream
from tallygate.runtime.deadline import Deadline


class Pipeline:
    """Serves calls: identify → read → gate → route → cache → attempts."""

    def __init__(
        self, config: EdgeConfig, recorder: Recorder, upstream: Upstream, gate: Gate, cache: Cache
    ) -> None:
        self._reception = Reception(config, recorder)
        self._recorder = recorder
        self._router = Router(config.targets)
        self._exchange = Exchange(upstream, recorder, capture_response_bytes=config.capture_response_bytes)
        self._gate = gate
        self._cache = cache

    async def serve(
        self,
        call: Call,
        request: BaseRequest,
        inbound: Inbound,
        query: str,
        writer: AnswerWriter,
        deadline: Deadline,
    ) -> None:
        """Serve a call whose labels are known, until its answer has gone to the caller.

        Raises:
            GatewayError: to be answered in the caller's dialect.
            ClientGoneError: the caller left.
        """
        arrival = await self._reception.receive(call, request, inbound, query, deadline)
        await self._gate.admit(arrival)
        operation = self._reception.checked(call, request)
        route = plan.route(self._router, operation, arrival.body.fields.model)
        call.provider, call.model = route.target.id, route.model
        planned = plan.plan(route, operation, query, inbound, arrival.body)
        for secret in plan.secrets(planned, query):
            call.keep_secret(secret)
        self._recorder.begin(call)

        async def proceed(kept: Kept | None) -> None:
            await self._exchange.run(call, planned, arrival.body, arrival.reader, writer, kept)

        await self._cache.around(arrival, writer, proceed)
