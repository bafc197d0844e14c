"""Leases on local disk, in an environment of their own: they never wait for a large answer's write."""

import struct
from pathlib import Path

from tallygate.edge.cache.store import NOTICE_MS, Lease, LeaseState
from tallygate.edge.shared_db import SharedDb

_MAP_BYTES = 256 * 1024 * 1024
_RECORD = struct.Struct("<qBB32s")  # until_ms, state, slot, token
_STATES: tuple[LeaseState, ...] = ("running", "stored", "uncacheable", "gone")
_SWEEP_EVERY = 8
_SWEEP_KEYS = 17


class LmdbLeases:
    """The lease part of `CacheStore`, synchronous. Raises `SharedDbError`."""

    def __init__(self, directory: Path) -> None:
        """Open or create them."""
        self._db = SharedDb(directory, map_bytes=_MAP_BYTES, databases=("leases",))
        self._leases = self._db.databases[0]
        self._swept_to = b""
        self._writes = 0

    def acquire(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> Lease:
        """Take the lease, unless another's is running."""
        self._sweep(now_ms)
        mine = Lease(token, "running")
        with self._db.transaction(write=True) as txn:
            held = _read(txn.get(key, db=self._leases), now_ms)
            if held is not None and held.state == "running" and held.token != token:
                return held
            txn.put(key, _write(mine, now_ms + ttl_ms), db=self._leases)
        return mine

    def renew(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> bool:
        """Make it last longer, if it is one's own."""
        return self._replace(key, Lease(token, "running"), now_ms, now_ms + ttl_ms)

    def finish(self, key: bytes, token: str, state: LeaseState, slot: int, *, now_ms: int) -> None:
        """End it, if it is one's own."""
        self._replace(key, Lease(token, state, slot), now_ms, now_ms + NOTICE_MS)

    def watch(self, key: bytes, token: str, *, now_ms: int) -> Lease:
        """What has become of it."""
        with self._db.transaction(write=False) as txn:
            held = _read(txn.get(key, db=self._leases), now_ms)
        return held if held is not None and held.token == token else Lease(token, "gone")

    def close(self) -> None:
        """Let go."""
        self._db.close()

    def _replace(self, key: bytes, lease: Lease, now_ms: int, until_ms: int) -> bool:
        with self._db.transaction(write=True) as txn:
            held = _read(txn.get(key, db=self._leases), now_ms)
            if held is None or held.token != lease.token or held.state != "running":
                return False
            txn.put(key, _write(lease, until_ms), db=self._leases)
        return True

    def _sweep(self, now_ms: int) -> None:
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            swept = self._db.sweep(
                self._leases, self._swept_to, _SWEEP_KEYS, lambda record: _read(record, now_ms) is None
            )
            self._swept_to = swept.next


def _read(record: bytes | memoryview | None, now_ms: int) -> Lease | None:
    """The lease, None if there is none or it has expired."""
    if record is None:
        return None
    until_ms, state, slot, token = _RECORD.unpack(record)
    return Lease(token.decode(), _STATES[state], slot) if until_ms > now_ms else None


def _write(lease: Lease, until_ms: int) -> bytes:
    return _RECORD.pack(until_ms, _STATES.index(lease.state), lease.slot, lease.token.encode())
