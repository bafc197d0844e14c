"""Windows in Redis, shared by the edges of several machines. The time is Redis's own.

A take is one script and one round trip. What Redis loses (a failover to a replica that lags) is lost here
too. In a cluster, the windows of one project lie in one slot.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tallygate.edge.limits.store import Charge, ClockMs, Demand, LimitStoreError, Reading, Verdict
from tallygate.edge.limits.window import MAX_USED, SKEW_MS, SLICES

_SCRIPT = Path(__file__).with_name("window.lua").read_text()


class RedisLimitStore:
    """`LimitStore` of several machines."""

    def __init__(self, client: "Redis", *, clock_ms: ClockMs | None = None) -> None:
        """Use a client of `edge.redis_client`, whose owner closes it.

        Args:
            clock_ms: Instead of Redis's clock, for tests.
        """
        self._script = client.register_script(_SCRIPT)
        self._clock_ms = clock_ms

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """See `LimitStore`."""
        values = [value for demand in demands for value in (demand.window_ms, demand.quota, demand.take)]
        allowed, *readings = await self._run("take", demands, values)
        groups = zip(*[iter(readings)] * 3, strict=True)
        return Verdict(bool(allowed), tuple(Reading(*group) for group in groups))

    async def charge(self, charges: Sequence[Charge]) -> None:
        """See `LimitStore`."""
        values = [value for charge in charges for value in (charge.window_ms, 0, charge.amount)]
        await self._run("charge", charges, values)

    async def close(self) -> None:
        """See `LimitStore`."""

    async def _run(self, mode: str, wanted: Sequence[Demand | Charge], values: list[int]) -> list[int]:
        now: int | str = "" if self._clock_ms is None else self._clock_ms()
        names = [f"tg:limit:{{{each.key.project}}}:{each.key.window}" for each in wanted]
        try:
            answer: Any = await self._script(keys=names, args=[mode, now, SLICES, SKEW_MS, MAX_USED, *values])
        except (RedisError, OSError, TimeoutError) as error:
            raise LimitStoreError(f"Redis: {type(error).__name__}") from error
        return list(answer)
