"""The cache as the edge uses it: `open` a call, and on a miss lead it, so that identical ones wait for it.

Single flight has two layers: within a process calls wait on a future; between processes the one that makes
the call holds a short lease in the store, renewed while the call runs, and the others look at it now and
then. If the leader

- stores an answer, those who wait get it, also if it was too large to be stored and they are of its process;
- left before its answer was complete, one of them takes over, at once;
- crashed, one of them takes over when the lease has run out, within `LEASE_MS`;
- has an answer that can't be shared (an error), all go on by themselves, at once: that is no worse than
  without a cache, and nobody waits for one failure after the other.

Where the store can't be reached, calls go on by themselves too.
"""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from tallygate.edge.cache.directives import Directives
from tallygate.edge.cache.entry import BadEntryError, Entry
from tallygate.edge.cache.flights import Flights, Landed
from tallygate.edge.cache.store import CacheStore, CacheStoreError, Lease, LeaseState
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.tasks import spawn

log = logging.getLogger(__name__)
LEASE_MS = 5_000
_RENEW_S = LEASE_MS / 4_000
_POLL_S = (0.01, 0.02, 0.05, 0.1)
_LOG_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored answer, or that of an identical call which was on its way."""

    entry: Entry
    age_s: int


@dataclass(frozen=True, slots=True)
class Alone:
    """Make the call; nobody waits for it. Its answer may be offered to `ResponseCache.save`."""

    save: bool


class Lead:
    """Make the call; others may wait for it. Left without a verdict, it counts as abandoned.

    Use as `async with`, and within call `store` or `uncacheable`.
    """

    def __init__(self, cache: "ResponseCache", key: bytes, directives: Directives, token: str) -> None:
        self._cache = cache
        self._key = key
        self._directives = directives
        self._token = token
        self._ended = False
        self._renewal = spawn(cache.keep(key, token), name="cache-lease")

    async def store(self, entry: Entry) -> bool:
        """Store a complete answer and give it to all who wait; whether it was stored."""
        self._end(entry)
        slot = await self._cache.put(self._key, entry, self._directives)
        await self._cache.release(
            self._key, self._token, "uncacheable" if slot is None else "stored", slot or 0
        )
        return slot is not None

    async def uncacheable(self) -> None:
        """The answer can't be shared: who waits goes on by itself."""
        self._end("uncacheable")
        await self._cache.release(self._key, self._token, "uncacheable", 0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._ended:
            self._end("abandoned")
            # In a task: this call may be in the middle of being cancelled.
            spawn(self._cache.release(self._key, self._token, "gone", 0), name="cache-release")

    def _end(self, landed: Landed) -> None:
        self._ended = True
        self._renewal.cancel()
        self._cache.flights.land(self._key, landed)


class ResponseCache:
    """One per process, over a store that processes share."""

    def __init__(
        self,
        store: CacheStore,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        share: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._share = share
        self._logged_s = float("-inf")
        self.flights = Flights()
        self.unavailable = 0
        """Times that the store was not there, or had no room."""

    async def open(self, key: bytes, directives: Directives, deadline: Deadline) -> Hit | Lead | Alone:
        """Look for an answer; without one, wait for that of an identical call, lead, or go alone."""
        try:
            if directives.read and (hit := await self._lookup(key, directives)) is not None:
                return hit
            if not (directives.read and directives.save):
                return Alone(save=directives.save)
            return await self._fly(key, directives, deadline)
        except CacheStoreError as error:
            self._failed(error)
            return Alone(save=False)

    async def save(self, key: bytes, entry: Entry, directives: Directives) -> bool:
        """Store the complete answer of a call that went alone; whether it was stored."""
        return directives.save and await self.put(key, entry, directives) is not None

    async def put(self, key: bytes, entry: Entry, directives: Directives) -> int | None:
        """Store an answer; its slot, or None if it was not stored."""
        now_ms = self._clock_ms()
        expires_ms = entry.created_ms + directives.ttl_s * 1_000
        if expires_ms <= now_ms:
            return None
        try:
            return await self._store.put(
                key, directives.bucket, entry.encode(), now_ms=now_ms, expires_ms=expires_ms
            )
        except CacheStoreError as error:
            self._failed(error)
            return None

    async def keep(self, key: bytes, token: str) -> None:
        """Renew a lease until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                if not await self._store.renew(key, token, now_ms=self._clock_ms(), ttl_ms=LEASE_MS):
                    return
            except CacheStoreError as error:
                self._failed(error)

    async def release(self, key: bytes, token: str, state: LeaseState, slot: int) -> None:
        """End a lease. If the store is not there, it runs out."""
        try:
            await self._store.finish(key, token, state, slot, now_ms=self._clock_ms())
        except CacheStoreError as error:
            self._failed(error)

    async def _fly(self, key: bytes, directives: Directives, deadline: Deadline) -> Hit | Lead | Alone:
        while not deadline.expired():
            landed: Lead | Hit | Landed
            if key in self.flights:
                landed = await self.flights.join(key, deadline)
            else:
                landed = await self._take_off(key, directives, deadline)
            if isinstance(landed, (Lead, Hit)):
                return landed
            if isinstance(landed, Entry):
                return self._hit(landed)
            if landed == "uncacheable":
                return Alone(save=directives.save)
        return Alone(save=False)

    async def _take_off(self, key: bytes, directives: Directives, deadline: Deadline) -> Lead | Hit | Landed:
        """Lead for this process: lead for all, or wait for the process that does."""
        self.flights.take_off(key)
        landed: Landed = "abandoned"
        token = uuid.uuid4().hex
        leads = False
        try:
            lease = await self._store.acquire(key, token, now_ms=self._clock_ms(), ttl_ms=LEASE_MS)
            if lease.token != token:
                landed = await self._follow(key, lease, deadline)
                return landed
            # Somebody may have stored it between the first look and the lease.
            if (hit := await self._lookup(key, directives)) is not None:
                landed = hit.entry
                await self.release(key, token, "gone", 0)
                return hit
            leads = True
            return Lead(self, key, directives, token)
        except CacheStoreError:
            landed = "uncacheable"
            raise
        except asyncio.CancelledError:
            # The store may have given us the lease all the same.
            spawn(self.release(key, token, "gone", 0), name="cache-release")
            raise
        finally:
            if not leads:
                # The wait of this call is over, that of the others need not be.
                self.flights.land(key, "abandoned" if landed == "late" else landed)

    async def _follow(self, key: bytes, lease: Lease, deadline: Deadline) -> Landed:
        """Wait for another process's call."""
        polls = 0
        while lease.state == "running":
            pause_s = min(_POLL_S[min(polls, len(_POLL_S) - 1)], deadline.remaining_s())
            if pause_s == 0.0:
                return "late"
            await asyncio.sleep(pause_s)
            polls += 1
            lease = await self._store.watch(key, lease.token, now_ms=self._clock_ms())
        if lease.state == "stored":
            data = await self._store.slot(key, lease.slot, now_ms=self._clock_ms())
            entry = None if data is None else _decode(data)
            return entry if entry is not None else "abandoned"
        return "abandoned" if lease.state == "gone" else "uncacheable"

    async def _lookup(self, key: bytes, directives: Directives) -> Hit | None:
        now_ms = self._clock_ms()
        oldest_ms = 0 if directives.max_age_s is None else now_ms - directives.max_age_s * 1_000
        data = await self._store.lookup(
            key, directives.bucket, oldest_ms=oldest_ms, now_ms=now_ms, share=self._share()
        )
        entry = None if data is None else _decode(data)
        return None if entry is None else self._hit(entry)

    def _hit(self, entry: Entry) -> Hit:
        return Hit(entry, max(0, self._clock_ms() - entry.created_ms) // 1_000)

    def _failed(self, error: CacheStoreError) -> None:
        self.unavailable += 1
        now_s = time.monotonic()
        if now_s - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = now_s
            log.warning("the cache is not used for some calls: %s", error)


def _decode(data: bytes) -> Entry | None:
    try:
        return Entry.decode(data)
    except BadEntryError:
        return None
