"""Holds in Redis, shared by the edges of several machines. The time is Redis's own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tallygate.edge.budget.holds import Claim, HoldStoreError, Origin, Verdict

_SCRIPT = Path(__file__).with_name("holds.lua").read_text()


class RedisHoldStore:
    """`HoldStore` of several machines. What Redis loses is lost here too."""

    def __init__(self, client: "Redis", *, clock_ms: Callable[[], int] | None = None) -> None:
        """Use a client of `edge.redis_client`, whose owner closes it.

        Args:
            clock_ms: Instead of Redis's clock, for tests.
        """
        self._script = client.register_script(_SCRIPT)
        self._clock_ms = clock_ms

    async def hold(self, claims: Sequence[Claim], hold_id: str, expires_ms: int) -> Verdict:
        """See `HoldStore`."""
        values: list[int | str] = []
        for claim in claims:
            spent = claim.spent
            values += [claim.limit, claim.worst, spent.nanos, spent.version, len(spent.applied)]
            values += [part for mark in spent.applied.items() for part in mark]
        keys = [claim.key for claim in claims]
        allowed, *taken = await self._run("hold", keys, hold_id, expires_ms, values)
        return Verdict(bool(allowed), tuple(int(amount) for amount in taken))

    async def settle(
        self, keys: Sequence[str], hold_id: str, cost: int, origin: Origin | None, expires_ms: int
    ) -> None:
        """See `HoldStore`."""
        place, seq = origin if origin is not None else ("", -1)
        await self._run("settle", keys, hold_id, expires_ms, [cost, place, seq])

    async def _run(
        self, mode: str, keys: Sequence[str], hold_id: str, expires_ms: int, values: list[int | str]
    ) -> list[Any]:
        now: int | str = "" if self._clock_ms is None else self._clock_ms()
        # In a cluster, the budgets of one call must lie in one slot.
        names = [f"tg:hold:{{budgets}}:{key}" for key in keys]
        try:
            answer: Any = await self._script(keys=names, args=[mode, hold_id, expires_ms, now, *values])
        except (RedisError, OSError, TimeoutError) as error:
            raise HoldStoreError(f"Redis: {type(error).__name__}") from error
        return list(answer)
