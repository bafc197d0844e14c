"""Answers and leases on local disk, shared by the edge workers of one machine.

A lookup is a read transaction of a few µs that waits for nobody. What is large is read and written in a
thread, so that the event loop stays free.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tallygate.edge.cache.lmdb_answers import TOUCH_MS, LmdbAnswers
from tallygate.edge.cache.lmdb_leases import LmdbLeases
from tallygate.edge.cache.store import Bounds, CacheStoreError, Lease, LeaseState
from tallygate.edge.shared_db import SharedDbError

T = TypeVar("T")
LARGE_BYTES = 64 * 1024


class LmdbCacheStore:
    """`CacheStore` of one machine."""

    def __init__(self, directory: Path, bounds: Bounds | None = None) -> None:
        """Open or create it.

        Raises:
            CacheStoreError: it can't be opened.
        """
        self._bounds = bounds or Bounds()
        with _mapped():
            self._leases = LmdbLeases(directory / "leases")
            try:
                self._answers = LmdbAnswers(directory / "answers", self._bounds)
            except SharedDbError:
                self._leases.close()
                raise
        self._thread = ThreadPoolExecutor(1, "cache")

    async def lookup(
        self, key: bytes, slots: int, *, oldest_ms: int, now_ms: int, share: float
    ) -> bytes | None:
        """See `CacheStore`."""
        with _mapped():
            found = self._answers.find(key, slots, oldest_ms=oldest_ms, now_ms=now_ms, share=share)
            if found is None:
                return None
            slot, record = found
            if now_ms - record.used_ms >= TOUCH_MS:
                self._answers.touch(key, slot, now_ms)
            return await self._read(key, slot, record.data_bytes)

    async def slot(self, key: bytes, slot: int, *, now_ms: int) -> bytes | None:
        """See `CacheStore`."""
        with _mapped():
            record = self._answers.record(key, slot, now_ms)
            return None if record is None else await self._read(key, slot, record.data_bytes)

    async def put(self, key: bytes, slots: int, data: bytes, *, now_ms: int, expires_ms: int) -> int:
        """See `CacheStore`."""
        if len(data) > min(self._bounds.max_entry_bytes, self._bounds.max_bytes // 2):
            raise CacheStoreError("larger than an answer may be")

        def put() -> int:
            return self._answers.put(key, slots, data, now_ms=now_ms, expires_ms=expires_ms)

        with _mapped():
            return await self._run(put, large=len(data) > LARGE_BYTES)

    async def acquire(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> Lease:
        """See `CacheStore`."""
        with _mapped():
            return self._leases.acquire(key, token, now_ms=now_ms, ttl_ms=ttl_ms)

    async def renew(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> bool:
        """See `CacheStore`."""
        with _mapped():
            return self._leases.renew(key, token, now_ms=now_ms, ttl_ms=ttl_ms)

    async def finish(self, key: bytes, token: str, state: LeaseState, slot: int, *, now_ms: int) -> None:
        """See `CacheStore`."""
        with _mapped():
            self._leases.finish(key, token, state, slot, now_ms=now_ms)

    async def watch(self, key: bytes, token: str, *, now_ms: int) -> Lease:
        """See `CacheStore`."""
        with _mapped():
            return self._leases.watch(key, token, now_ms=now_ms)

    async def close(self) -> None:
        """See `CacheStore`."""
        self._thread.shutdown()
        self._answers.close()
        self._leases.close()

    def totals(self) -> tuple[int, int]:
        """How many answers there are, and what they take on disk."""
        with _mapped():
            return self._answers.totals()

    async def _read(self, key: bytes, slot: int, data_bytes: int) -> bytes | None:
        return await self._run(lambda: self._answers.read(key, slot), large=data_bytes > LARGE_BYTES)

    async def _run(self, work: Callable[[], T], *, large: bool) -> T:
        if not large:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except SharedDbError as error:
        raise CacheStoreError(str(error)) from error
