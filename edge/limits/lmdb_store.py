"""Windows on local disk, shared by the edge workers of one machine.

A take is one write transaction of about 15 µs, so it runs on the event loop. It may wait for another worker's
transaction; one of a worker that was killed is rolled back by whoever comes next. State is at most 4 KiB for
each key, and keys whose windows have passed are deleted by a sweep that goes on a little with every take:
it goes through all keys in half as many takes as there are keys.
"""

from collections.abc import Sequence
from pathlib import Path

import lmdb

from tallygate.edge.limits.store import (
    Charge,
    ClockMs,
    Demand,
    LimitStoreError,
    Reading,
    Verdict,
    wall_clock_ms,
)
from tallygate.edge.limits.window import Window, is_spent
from tallygate.edge.shared_db import SharedDb, SharedDbError

MAX_KEYS = 500_000
_BYTES_PER_KEY = 8 * 1024
"""A full block takes a page of 4 KiB and a place in another. The rest is room to work in: LMDB needs free
pages even to delete, so it must never get full."""
_LEAST_MAP_BYTES = 16 * 1024 * 1024
_SWEEP_EVERY = 8
_SWEEP_KEYS = 17
"""Two keys looked at for each take, so that the sweep overtakes calls of which each has a new key."""
_SWEEP_KEYS_WHEN_FULL = 500


class LmdbLimitStore:
    """`LimitStore` of one machine. Not to be used by several threads."""

    def __init__(
        self, directory: Path, *, clock_ms: ClockMs = wall_clock_ms, max_keys: int = MAX_KEYS
    ) -> None:
        """Open or create it.

        Args:
            max_keys: Windows that may be held at once; to need another one is an error of the store.

        Raises:
            LimitStoreError: it can't be opened.
        """
        map_bytes = max(_LEAST_MAP_BYTES, max_keys * _BYTES_PER_KEY)
        try:
            self._db = SharedDb(directory, map_bytes=map_bytes, databases=("windows",))
        except SharedDbError as error:
            raise LimitStoreError(str(error)) from error
        self._windows = self._db.databases[0]
        self._clock_ms = clock_ms
        self._max_keys = max_keys
        self._writes = 0
        self._swept_to = b""
        self._full = False

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """See `LimitStore`."""
        try:
            self._make_room(len(demands))
            return self._take(demands)
        except SharedDbError as error:
            raise LimitStoreError(str(error)) from error

    async def charge(self, charges: Sequence[Charge]) -> None:
        """See `LimitStore`."""
        try:
            self._make_room(len(charges))
            self._charge(charges)
        except SharedDbError as error:
            raise LimitStoreError(str(error)) from error

    async def close(self) -> None:
        """See `LimitStore`."""
        self._db.close()

    def _take(self, demands: Sequence[Demand]) -> Verdict:
        with self._db.transaction(write=True) as txn:
            windows = [self._load(txn, demand) for demand in demands]
            pairs = list(zip(demands, windows, strict=True))
            allowed = all(window.used + demand.need <= demand.quota for demand, window in pairs)
            if allowed:
                for demand, window in pairs:
                    self._add(txn, demand, window, demand.take)
            return Verdict(
                allowed, tuple(_reading(demand, window, allowed=allowed) for demand, window in pairs)
            )

    def _charge(self, charges: Sequence[Charge]) -> None:
        with self._db.transaction(write=True) as txn:
            for charge in charges:
                self._add(txn, charge, self._load(txn, charge), charge.amount)

    def _load(self, txn: lmdb.Transaction, wanted: Demand | Charge) -> Window:
        """Read a window. The time is taken inside the transaction: so it never runs backwards in a window."""
        block = txn.get(_name(wanted), db=self._windows)
        return Window(block, wanted.window_ms, self._clock_ms())

    def _add(self, txn: lmdb.Transaction, wanted: Demand | Charge, window: Window, amount: int) -> None:
        if amount > 0:
            if self._full and not window.stored:
                raise LimitStoreError(f"there are {self._max_keys} windows already")
            window.add(amount)
            txn.put(_name(wanted), window.block(), db=self._windows)

    def _make_room(self, more: int) -> None:
        """Sweep on a little; while there is no room for so many more keys, sweep on further."""
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            self.sweep(_SWEEP_KEYS)
            self._full = self.keys() + more > self._max_keys
        if self._full:
            self._db.free_dead_readers()
            self.sweep(_SWEEP_KEYS_WHEN_FULL)
            self._full = self.keys() + more > self._max_keys

    def sweep(self, keys: int) -> int:
        """Look at the next `keys` keys, delete those whose windows have passed, and return how many."""
        now_ms = self._clock_ms()
        swept = self._db.sweep(self._windows, self._swept_to, keys, lambda block: is_spent(block, now_ms))
        self._swept_to = swept.next
        return swept.deleted

    def keys(self) -> int:
        """How many windows there are."""
        with self._db.transaction(write=False) as txn:
            return int(txn.stat(self._windows)["entries"])


def _name(wanted: Demand | Charge) -> bytes:
    return f"{wanted.key.project}:{wanted.key.window}".encode()


def _reading(demand: Demand, window: Window, *, allowed: bool) -> Reading:
    refused = not allowed and window.used + demand.need > demand.quota
    wait_ms = window.wait_ms(demand.quota - demand.need) if refused else 0
    return Reading(window.used, wait_ms, window.oldest_leaves_ms())
