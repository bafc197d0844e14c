"""Holds on local disk, shared by the edge workers of one machine.

An entry is a hold (`<key>h<id>`) or what the accounting said last of a budget (`<key>s`): a worker that has
not read of it yet must not do without a hold that another has dropped for it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import lmdb
import orjson

from tallygate.edge.budget.holds import Claim, HoldStoreError, Origin, Spent, Verdict
from tallygate.edge.shared_db import SharedDb, SharedDbError

MAP_BYTES = 256 * 1024 * 1024
KEEP_SPENT_MS = 40 * 86_400_000
"""What was said of a budget is kept for longer than any period lasts."""
_SWEEP_EVERY, _SWEEP_KEYS = 8, 17


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class LmdbHoldStore:
    """`HoldStore` of one machine. Not to be used by several threads."""

    def __init__(self, directory: Path, *, clock_ms: Callable[[], int] = _now_ms) -> None:
        """Open or create it.

        Raises:
            HoldStoreError: it can't be opened.
        """
        try:
            self._db = SharedDb(directory, map_bytes=MAP_BYTES, databases=("holds",))
        except SharedDbError as error:
            raise HoldStoreError(str(error)) from error
        self._holds = self._db.databases[0]
        self._clock_ms = clock_ms
        self._writes = 0
        self._swept_to = b""

    async def hold(self, claims: Sequence[Claim], hold_id: str, expires_ms: int) -> Verdict:
        """See `HoldStore`."""
        try:
            self._sweep()
            with self._db.transaction(write=True) as txn:
                taken = tuple(self._taken(txn, claim) for claim in claims)
                pairs = zip(claims, taken, strict=True)
                allowed = all(claim.worst <= claim.limit - held for claim, held in pairs)
                if allowed:
                    for claim in claims:
                        self._put(txn, _hold(claim.key, hold_id), claim.worst, None, expires_ms)
                return Verdict(allowed, taken)
        except SharedDbError as error:
            raise HoldStoreError(str(error)) from error

    async def settle(
        self, keys: Sequence[str], hold_id: str, cost: int, origin: Origin | None, expires_ms: int
    ) -> None:
        """See `HoldStore`."""
        try:
            with self._db.transaction(write=True) as txn:
                for key in keys:
                    if origin is None or cost <= 0:
                        txn.delete(_hold(key, hold_id), db=self._holds)
                    else:
                        self._put(txn, _hold(key, hold_id), cost, origin, expires_ms)
        except SharedDbError as error:
            raise HoldStoreError(str(error)) from error

    async def close(self) -> None:
        """Let go of it."""
        self._db.close()

    def _taken(self, txn: lmdb.Transaction, claim: Claim) -> int:
        """Spent and held, after dropping what is counted or has expired."""
        spent = self._spent(txn, claim)
        now_ms, held = self._clock_ms(), 0
        for name, (amount, expires_ms, place, seq) in list(self._entries(txn, f"{claim.key}h".encode())):
            if expires_ms <= now_ms or (place and seq <= spent.applied.get(place, -1)):
                txn.delete(name, db=self._holds)
            else:
                held += amount
        return spent.nanos + held

    def _spent(self, txn: lmdb.Transaction, claim: Claim) -> Spent:
        """The newer of what the claim knows and what another has known."""
        name = f"{claim.key}s".encode()
        value = txn.get(name, db=self._holds)
        if value is not None:
            nanos, _, version, applied = orjson.loads(value)
            if version >= claim.spent.version:
                return Spent(nanos, version, applied)
        said = claim.spent
        if said.version >= 0:
            entry = [said.nanos, self._clock_ms() + KEEP_SPENT_MS, said.version, dict(said.applied)]
            txn.put(name, orjson.dumps(entry), db=self._holds)
        return said

    def _entries(
        self, txn: lmdb.Transaction, prefix: bytes
    ) -> Iterator[tuple[bytes, tuple[int, int, str, int]]]:
        cursor = txn.cursor(db=self._holds)
        if not cursor.set_range(prefix):
            return
        for name, value in cursor:
            if bytes(name[: len(prefix)]) != prefix:
                return
            yield bytes(name), tuple(orjson.loads(value))

    def _put(
        self, txn: lmdb.Transaction, name: bytes, amount: int, origin: Origin | None, expires_ms: int
    ) -> None:
        place, seq = origin if origin is not None else ("", -1)
        txn.put(name, orjson.dumps([amount, expires_ms, place, seq]), db=self._holds)

    def _sweep(self) -> None:
        """Delete a few entries that have expired, of budgets that nobody asks any more."""
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            now_ms = self._clock_ms()
            swept = self._db.sweep(
                self._holds, self._swept_to, _SWEEP_KEYS, lambda value: orjson.loads(value)[1] <= now_ms
            )
            self._swept_to = swept.next


def _hold(key: str, hold_id: str) -> bytes:
    return f"{key}h{hold_id}".encode()
