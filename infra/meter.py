"""What calls took, for rate limits in tokens and cents: by the same pricing as the accounts."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tallygate.edge.budget.worst import PlannedCall
from tallygate.edge.limits.meter import Amounts
from tallygate.schemas.rules import PriceOverride

if TYPE_CHECKING:
    from tallygate.schemas.events import ResponseEvent
    from tallygate.stream_processors.pricing import Pricer

Overrides = Mapping[str, Sequence[PriceOverride]]
log = logging.getLogger(__name__)


class PricedCalls:
    """A `CallMeter`, and `WorstCases`. The prices are loaded with the first call that is asked for: most
    edges never need them.

    A call without a known price counts its tokens and no cents.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "meter")
        self._pricer: Pricer | None = None
        self._overrides: Callable[[], Overrides] = dict

    def follow(self, overrides: Callable[[], Overrides]) -> None:
        """Take the projects' own prices from here; to be called before the first call."""
        self._overrides = overrides

    async def measure(self, event: Mapping[str, Any]) -> Amounts:
        """See `CallMeter`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._measured, event)
        except Exception:  # whatever it is, the call has been answered
            log.exception("a call can't be counted for its limits")
            return Amounts(known=False)

    async def worst(self, planned: PlannedCall) -> int | None:
        """See `WorstCases`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._worst, planned)
        except Exception:  # to be refused: nothing can be said
            log.exception("it can't be said what a call costs at worst")
            return None

    def _measured(self, event: Mapping[str, Any]) -> Amounts:
        from tallygate.schemas.events import ResponseEvent

        call = self._prices().price(ResponseEvent.model_validate(event))
        return Amounts(call.input_tokens + call.output_tokens, call.cost_nanos or 0)

    def _worst(self, planned: PlannedCall) -> int | None:
        from tallygate.stream_processors.pricing.endpoints import may_cost

        if not may_cost(planned.method, planned.endpoint):
            return 0
        bounds, pricer = planned.bounds, self._prices()
        if bounds is None:
            return None
        found = [
            pricer.worst(event, bounds.input_tokens, bounds.output_tokens, bounds.choices)
            for event in _imagined(planned)
        ]
        return max((each or 0 for each in found), default=None) if None not in found else None

    def _prices(self) -> "Pricer":
        if self._pricer is None:
            self._pricer = _loaded(self._overrides)
        return self._pricer


def _loaded(overrides: Callable[[], Overrides]) -> "Pricer":
    # First and by this name, as the edge's own catalogue imports it: the event loop may do so at this moment,
    # and two threads that import a package and its module in different orders wait for each other.
    from genai_prices.data_snapshot import get_snapshot

    from tallygate.stream_processors.pricing import Pricer

    get_snapshot()
    return Pricer(overrides=overrides)


def _imagined(planned: PlannedCall) -> "Iterator[ResponseEvent]":
    """The call as it would end at each of its stops, as far as prices depend on that."""
    from tallygate.schemas.call import Origin, Outcome
    from tallygate.schemas.events import ResponseEvent

    for provider, model in planned.stops:
        yield ResponseEvent(
            event_id="",
            request_id="",
            project=planned.project,
            provider=provider,
            model=model,
            model_requested=model,
            model_override=planned.model_override,
            method=planned.method,
            path="",
            endpoint=planned.endpoint,
            received_at_us=planned.at_us,
            ended_at_us=planned.at_us,
            latency_us=0,
            status=200,
            outcome=Outcome.OK,
            origin=Origin(edge_id="-", seq=0),
        )
