"""What calls took, for rate limits in tokens and cents: by the same pricing as the accounts."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tallygate.edge.limits.meter import NOTHING, Amounts

log = logging.getLogger(__name__)


class PricedCalls:
    """A `CallMeter`. The prices are loaded with the first call that is asked for: most edges never need them.

    A call without a known price counts its tokens and no cents.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "meter")
        self._measure: Callable[[Mapping[str, Any]], Amounts] | None = None

    async def measure(self, event: Mapping[str, Any]) -> Amounts:
        """See `CallMeter`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._priced, event)
        except Exception:  # whatever it is, the call has been answered
            log.exception("a call can't be counted for its rate limit")
            return NOTHING

    def _priced(self, event: Mapping[str, Any]) -> Amounts:
        if self._measure is None:
            self._measure = _loaded()
        return self._measure(event)


def _loaded() -> Callable[[Mapping[str, Any]], Amounts]:
    # First and by this name, as the edge's own catalogue imports it: the event loop may do so at this moment,
    # and two threads that import a package and its module in different orders wait for each other.
    from genai_prices.data_snapshot import get_snapshot

    from tallygate.schemas.events import ResponseEvent
    from tallygate.stream_processors.pricing import Pricer

    get_snapshot()
    pricer = Pricer()

    def measure(event: Mapping[str, Any]) -> Amounts:
        call = pricer.price(ResponseEvent.model_validate(event))
        return Amounts(call.input_tokens + call.output_tokens, call.cost_nanos or 0)

    return measure
