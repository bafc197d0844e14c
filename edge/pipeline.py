"""The steps of a call, in their order; what goes wrong in any of them is `edge.proxy`'s to answer."""

from aiohttp.web_request import BaseRequest

from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.arrival import Reception
from tallygate.edge.attempts import Attempts
from tallygate.edge.call import Call
from tallygate.edge.config import EdgeConfig
from tallygate.edge.errors import GatewayError
from tallygate.edge.exchange import Exchange
from tallygate.edge.headers import Inbound
from tallygate.edge.models import ModelList
from tallygate.edge.realtime import Realtime, is_websocket
from tallygate.edge.recorder import Recorder
from tallygate.edge.routing.itinerary import Caller, Itinerary, plan_for
from tallygate.edge.routing.operations import Operation
from tallygate.edge.routing.world import World, Worlds
from tallygate.edge.steps import Arrival, Cache, Gate
from tallygate.edge.upstream.base import Upstream
from tallygate.edge.upstream.websocket import WebSocketUpstream
from tallygate.edge.wire import needs_whole_body
from tallygate.runtime.deadline import Deadline

_NO_REALTIME = "A budget sets aside what a call may cost at worst, and of a realtime call that can't be said."


class Pipeline:
    """Serves calls: identify → read → gate → route → cache → attempts."""

    def __init__(
        self,
        config: EdgeConfig,
        recorder: Recorder,
        upstream: Upstream,
        worlds: Worlds,
        gate: Gate,
        cache: Cache,
        models: ModelList | None,
        sockets: WebSocketUpstream,
    ) -> None:
        self._reception = Reception(config, recorder)
        self._recorder = recorder
        self._config = config
        self._worlds = worlds
        exchange = Exchange(upstream, recorder, capture_response_bytes=config.capture_response_bytes)
        self._attempts = Attempts(exchange)
        self._realtime = Realtime(sockets, self._attempts.board, capture_bytes=config.capture_response_bytes)
        self._gate = gate
        self._cache = cache
        self._models = models

    @property
    def providers(self) -> frozenset[str]:
        """Names that a path may begin with."""
        return self._worlds.current().providers

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
        world = self._worlds.current()
        arrival = await self._reception.receive(call, request, inbound, query, deadline, world)
        operation = self._reception.checked(call, request)
        if self._models is not None and ModelList.is_for(operation, call.method):
            await self._models.answer(arrival, world.view(arrival.identity.project), operation, writer)
            return
        await self._gate.admit(arrival)
        websocket = is_websocket(request)
        if websocket and world.reserves(arrival.identity.project):
            raise GatewayError(402, "budget_exceeded", _NO_REALTIME)
        itinerary = await self._plan(arrival, operation, world, websocket=websocket)
        first = itinerary.stops[0]
        call.go_to(0, first.target.id, first.model)
        call.stops = tuple((stop.target.id, stop.model) for stop in itinerary.stops)
        self._recorder.begin(call)
        if websocket:
            await self._realtime.run(arrival, operation, itinerary, request, writer)
            return

        async def proceed(kept: Kept | None) -> None:
            await self._attempts.run(arrival, operation, itinerary, writer, kept)

        await self._cache.around(arrival, writer, proceed)

    async def _plan(
        self, arrival: Arrival, operation: Operation, world: World, *, websocket: bool
    ) -> Itinerary:
        """Where the call may go; its body is held if it may be needed more than once, or as a whole."""
        identity, body, call = arrival.identity, arrival.body, arrival.call
        if identity.key is not None and identity.key.models:
            # A second `model` behind what has been read would be the one that counts.
            await self._reception.hold(call, body)
        view = world.view(identity.project)
        urls = self._config.target_urls + world.snapshot.project_settings(identity.project).target_urls
        caller = Caller(view, identity.key, arrival.inbound, urls)
        if websocket:
            return plan_for(caller, operation, "POST", call.model_requested)
        itinerary = plan_for(caller, operation, call.method, body.fields.model)
        whole = (
            itinerary.may_repeat
            or world.reserves(identity.project)
            or any(needs_whole_body(operation, call.method, stop) for stop in itinerary.stops)
        )
        if whole:
            await self._reception.hold(call, body)
        return itinerary
