"""The stores of windows, opened the same way in this process and in workers of a test."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tallygate.edge.limits.lmdb_store import LmdbLimitStore
from tallygate.edge.limits.redis_store import RedisLimitStore
from tallygate.edge.limits.store import ClockMs, Demand, LimitKey, LimitStore, wall_clock_ms
from tallygate.edge.redis_client import connect

KINDS = ("lmdb", "redis")


@asynccontextmanager
async def opened(kind: str, where: str, clock_ms: ClockMs | None = None) -> AsyncIterator[LimitStore]:
    """Open a store in a directory, or at a URL."""
    if kind == "lmdb":
        store = LmdbLimitStore(Path(where), clock_ms=clock_ms or wall_clock_ms)
        yield store
        await store.close()
    else:
        client = connect(where, timeout_s=5.0)
        yield RedisLimitStore(client, clock_ms=clock_ms)
        await client.aclose()


def demand(name: str = "w", *, quota: int = 100, window_ms: int = 60_000, take: int = 1) -> Demand:
    return Demand(LimitKey("p", name), window_ms, quota, take)


async def _take_all(kind: str, where: str, calls: int, quota: int) -> int:
    async with opened(kind, where) as store:
        verdicts = await asyncio.gather(*(store.take([demand(quota=quota)]) for _ in range(calls)))
        return sum(verdict.allowed for verdict in verdicts)


async def _take_until_killed(kind: str, where: str, quota: int, report: Path) -> None:
    """Take one by one, reporting each with a byte, until killed."""
    async with opened(kind, where) as store:
        with report.open("ab", buffering=0) as output:
            while True:
                verdict = await store.take([demand("a", quota=quota), demand("b", quota=2 * quota)])
                output.write(b"+" if verdict.allowed else b"-")


if __name__ == "__main__":
    mode, kind, where, *rest = sys.argv[1:]
    if mode == "all":
        print(asyncio.run(_take_all(kind, where, int(rest[0]), int(rest[1]))))
    else:
        asyncio.run(_take_until_killed(kind, where, int(rest[0]), Path(rest[1])))
