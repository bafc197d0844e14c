"""Stores of answers, opened the same way in this process and in workers of a test."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tallygate.edge.cache.cache import Hit, Lead, ResponseCache
from tallygate.edge.cache.directives import Directives
from tallygate.edge.cache.entry import Entry
from tallygate.edge.cache.lmdb_store import LmdbCacheStore
from tallygate.edge.cache.redis_store import RedisCacheStore
from tallygate.edge.cache.store import Bounds, CacheStore
from tallygate.edge.redis_client import connect
from tallygate.runtime.deadline import Deadline
from tests.support.wait import eventually

KINDS = ("lmdb", "redis")
KEY = b"k" * 32
CACHED = Directives(read=True, save=True)
Place = tuple[str, str]


@asynccontextmanager
async def opened(kind: str, where: str, bounds: Bounds | None = None) -> AsyncIterator[CacheStore]:
    """Open a store in a directory, or at a URL."""
    if kind == "lmdb":
        store = LmdbCacheStore(Path(where), bounds)
        yield store
        await store.close()
    else:
        client = connect(where, timeout_s=10.0)
        yield RedisCacheStore(client, bounds)
        await client.aclose()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def entry(body: bytes = b'{"id": 1}', created_ms: int | None = None) -> Entry:
    return Entry("json", body, now_ms() if created_ms is None else created_ms)


async def _one_call(cache: ResponseCache, provider: Path) -> bytes:
    """What the edge does with a call: a provider call is a line in a file."""
    outcome = await cache.open(KEY, CACHED, Deadline.after(30))
    if isinstance(outcome, Hit):
        return outcome.entry.body
    with provider.open("ab", buffering=0) as calls:
        calls.write(b"call\n")
    await asyncio.sleep(0.3)
    body = b'{"id": "from the provider"}'
    if isinstance(outcome, Lead):
        async with outcome:
            await outcome.store(entry(body))
    return body


async def _burst(place: Place, provider: Path, calls: int, workers: int) -> None:
    """Make many calls at once, when all workers are ready to."""
    async with opened(*place) as store:
        os.close(os.open(f"{provider}.ready.{os.getpid()}", os.O_CREAT))
        await eventually(lambda: len(list(provider.parent.glob("*.ready.*"))) == workers, every_s=0.001)
        cache = ResponseCache(store)
        answers = await asyncio.gather(*(_one_call(cache, provider) for _ in range(calls)))
    print(len(answers), len(set(answers)))


async def _lead_for_ever(place: Place, provider: Path) -> None:
    """Take the lead, say so, and never come to an end."""
    async with opened(*place) as store:
        outcome = await ResponseCache(store).open(KEY, CACHED, Deadline.after(30))
        assert isinstance(outcome, Lead)
        async with outcome:
            os.close(os.open(provider, os.O_CREAT))
            await asyncio.Event().wait()


async def _put_for_ever(place: Place, report: Path) -> None:
    """Store answer after answer, reporting each that is stored."""
    async with opened(*place, Bounds(max_bytes=400_000)) as store:
        with report.open("ab", buffering=0) as output:
            for turn in range(10**9):
                key = turn.to_bytes(32, "big")
                data = turn.to_bytes(4, "big") * (500 + turn % 50 * 100)
                await store.put(key, 1, data, now_ms=now_ms(), expires_ms=now_ms() + 10**6)
                output.write(key)


if __name__ == "__main__":
    mode, kind, where, path, *rest = sys.argv[1:]
    if mode == "burst":
        asyncio.run(_burst((kind, where), Path(path), int(rest[0]), int(rest[1])))
    elif mode == "lead":
        asyncio.run(_lead_for_ever((kind, where), Path(path)))
    else:
        asyncio.run(_put_for_ever((kind, where), Path(path)))
