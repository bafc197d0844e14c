"""Answers and leases in Redis, shared by the edges of several machines.

Redis should have a `maxmemory` well above `Bounds.max_bytes`: these bounds hold for the answers only. Times
are those of the edges, whose clocks must agree to within seconds; what expires does so by Redis's clock.
"""

from pathlib import Path
from typing import Any, get_args

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tallygate.edge.cache.store import NOTICE_MS, Bounds, CacheStoreError, Lease, LeaseState

_SCRIPT = Path(__file__).with_name("cache.lua").read_text()
_PREFIX = "{tg:cache}:"
_KEYS = [_PREFIX + "order", _PREFIX + "sizes", _PREFIX + "total"]
_ANSWER = _PREFIX + "answer:"
_STAMP_BYTES = 8


class RedisCacheStore:
    """`CacheStore` of several machines."""

    def __init__(self, client: "Redis", bounds: Bounds | None = None) -> None:
        """Use a client of `edge.redis_client`, whose owner closes it."""
        self._client = client
        self._bounds = bounds or Bounds()
        self._script = client.register_script(_SCRIPT)

    async def lookup(
        self, key: bytes, slots: int, *, oldest_ms: int, now_ms: int, share: float
    ) -> bytes | None:
        """See `CacheStore`."""
        found = await self._run("lookup", key, slots, oldest_ms, now_ms, share)
        return None if found is None else bytes(found)

    async def slot(self, key: bytes, slot: int, *, now_ms: int) -> bytes | None:
        """See `CacheStore`."""
        stored = await self._get(f"{_ANSWER}{key.hex()}:{slot}")
        return None if stored is None else stored[_STAMP_BYTES:]

    async def put(self, key: bytes, slots: int, data: bytes, *, now_ms: int, expires_ms: int) -> int:
        """See `CacheStore`."""
        bounds = self._bounds
        if len(data) > min(bounds.max_entry_bytes, bounds.max_bytes // 2):
            raise CacheStoreError("larger than an answer may be")
        ttl_ms = max(1, expires_ms - now_ms)
        slot = await self._run("put", key, slots, now_ms, ttl_ms, data, bounds.max_bytes, bounds.max_entries)
        return int(slot)

    async def acquire(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> Lease:
        """See `CacheStore`."""
        return _lease(await self._run("acquire", key, token, ttl_ms))

    async def renew(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> bool:
        """See `CacheStore`."""
        return bool(await self._run("replace", key, token, f"{token} running 0", ttl_ms))

    async def finish(self, key: bytes, token: str, state: LeaseState, slot: int, *, now_ms: int) -> None:
        """See `CacheStore`."""
        await self._run("replace", key, token, f"{token} {state} {slot}", NOTICE_MS)

    async def watch(self, key: bytes, token: str, *, now_ms: int) -> Lease:
        """See `CacheStore`."""
        stored = await self._get(f"{_ANSWER}{key.hex()}:lease")
        held = None if stored is None else _lease(stored)
        return held if held is not None and held.token == token else Lease(token, "gone")

    async def close(self) -> None:
        """See `CacheStore`."""

    async def _run(self, what: str, key: bytes, *arguments: Any) -> Any:
        try:
            return await self._script(keys=_KEYS, args=[what, _ANSWER, key.hex(), *arguments])
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheStoreError(f"Redis: {type(error).__name__}") from error

    async def _get(self, name: str) -> bytes | None:
        try:
            stored: Any = await self._client.get(name)
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheStoreError(f"Redis: {type(error).__name__}") from error
        return None if stored is None else bytes(stored)


def _lease(stored: bytes) -> Lease:
    token, state, slot = stored.decode().split()
    for known in get_args(LeaseState):
        if state == known:
            return Lease(token, known, int(slot))
    raise CacheStoreError(f"a lease in the state {state!r}")
