"""Answers on local disk: `index` describes each, `bodies` holds it, `order` sorts by last use, `totals` sums.

All four change in one transaction, so the totals are right whoever is killed. A use is noted to the minute: a
hit writes only if the last one noted is longer ago.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import lmdb

from tallygate.edge.cache.store import Bounds
from tallygate.edge.shared_db import SharedDb, SharedDbFullError

TOUCH_MS = 60_000
_MIB = 1024 * 1024
_PAGE = 4_096
_INLINE = 1_900
_OVERHEAD = 300
_SWEEP = 8
_STAMP = struct.Struct(">Q")
_COUNT = struct.Struct("<q")
_TOTAL = b"bytes"


class Record(NamedTuple):
    """What `index` holds of an answer."""

    created_ms: int
    expires_ms: int
    used_ms: int
    data_bytes: int

    @property
    def disk_bytes(self) -> int:
        """What it takes on disk, about: beyond half a page a value has pages of its own."""
        if self.data_bytes <= _INLINE:
            return self.data_bytes + _OVERHEAD
        return -(-self.data_bytes // _PAGE) * _PAGE + _OVERHEAD

    def pack(self) -> bytes:
        """As stored."""
        return _RECORD.pack(*self)

    @classmethod
    def read(cls, stored: bytes | memoryview) -> Self:
        """From what is stored."""
        return cls(*_RECORD.unpack(stored))


_RECORD = struct.Struct("<qqqq")


class LmdbAnswers:
    """The answers part of `CacheStore`, synchronous. Raises `SharedDbError`. Several threads may use it."""

    def __init__(self, directory: Path, bounds: Bounds) -> None:
        """Open or create them."""
        self._bounds = bounds
        # Twice the bytes: what takes several pages needs them in a row, and deleting needs free ones.
        map_bytes = 2 * bounds.max_bytes + 1_024 * bounds.max_entries + 16 * _MIB
        names = ("index", "bodies", "order", "totals")
        self._db = SharedDb(directory, map_bytes=map_bytes, databases=names)
        self._index, self._bodies, self._order, self._totals = self._db.databases
        self._swept_to = b""

    def find(
        self, key: bytes, slots: int, *, oldest_ms: int, now_ms: int, share: float
    ) -> tuple[int, Record] | None:
        """One of the answers, chosen by `share`, if all slots hold one that is fresh."""
        with self._db.transaction(write=False) as txn:
            fresh = [
                (slot, record)
                for slot, record in self._slots(txn, key, slots)
                if record is not None and record.expires_ms > now_ms and record.created_ms >= oldest_ms
            ]
        return fresh[int(share * slots)] if len(fresh) == slots else None

    def record(self, key: bytes, slot: int, now_ms: int) -> Record | None:
        """The record of one slot, if it has not expired."""
        with self._db.transaction(write=False) as txn:
            stored = txn.get(_name(key, slot), db=self._index)
            record = None if stored is None else Record.read(stored)
        return record if record is not None and record.expires_ms > now_ms else None

    def read(self, key: bytes, slot: int) -> bytes | None:
        """The answer of one slot."""
        with self._db.transaction(write=False) as txn:
            stored = txn.get(_name(key, slot), db=self._bodies)
            return None if stored is None else bytes(stored)

    def touch(self, key: bytes, slot: int, now_ms: int) -> None:
        """Note that it was used."""
        name = _name(key, slot)
        with self._db.transaction(write=True) as txn:
            stored = txn.get(name, db=self._index)
            if stored is None:
                return
            record = Record.read(stored)
            txn.delete(_STAMP.pack(record.used_ms) + name, db=self._order)
            self._note(txn, name, record._replace(used_ms=now_ms))

    def put(self, key: bytes, slots: int, data: bytes, *, now_ms: int, expires_ms: int) -> int:
        """Store in a free slot or that of the oldest, and return which; delete until the bounds hold."""
        record = Record(now_ms, expires_ms, now_ms, len(data))
        try:
            return self._put(key, slots, data, record)
        except SharedDbFullError:  # room there is, but not in a row
            self._db.free_dead_readers()
            with self._db.transaction(write=True) as txn:
                self._evict(txn, self._bounds.max_bytes * 3 // 4, self._bounds.max_entries)
            return self._put(key, slots, data, record)

    def totals(self) -> tuple[int, int]:
        """How many answers there are, and what they take on disk."""
        with self._db.transaction(write=False) as txn:
            return int(txn.stat(self._index)["entries"]), self._total(txn)

    def close(self) -> None:
        """Let go."""
        self._db.close()

    def _put(self, key: bytes, slots: int, data: bytes, record: Record) -> int:
        with self._db.transaction(write=True) as txn:
            slot = self._free_slot(txn, key, slots, record.created_ms)
            name = _name(key, slot)
            self._delete(txn, name)
            self._delete_expired(txn, record.created_ms)
            self._evict(txn, self._bounds.max_bytes - record.disk_bytes, self._bounds.max_entries - 1)
            txn.put(name, data, db=self._bodies)
            self._note(txn, name, record)
            self._add(txn, record.disk_bytes)
        return slot

    def _slots(self, txn: lmdb.Transaction, key: bytes, slots: int) -> Iterator[tuple[int, Record | None]]:
        for slot in range(slots):
            stored = txn.get(_name(key, slot), db=self._index)
            yield slot, None if stored is None else Record.read(stored)

    def _free_slot(self, txn: lmdb.Transaction, key: bytes, slots: int, now_ms: int) -> int:
        oldest, oldest_ms = 0, None
        for slot, record in self._slots(txn, key, slots):
            if record is None or record.expires_ms <= now_ms:
                return slot
            if oldest_ms is None or record.created_ms < oldest_ms:
                oldest, oldest_ms = slot, record.created_ms
        return oldest

    def _note(self, txn: lmdb.Transaction, name: bytes, record: Record) -> None:
        txn.put(name, record.pack(), db=self._index)
        txn.put(_STAMP.pack(record.used_ms) + name, b"", db=self._order)

    def _delete(self, txn: lmdb.Transaction, name: bytes) -> None:
        stored = txn.get(name, db=self._index)
        if stored is None:
            return
        record = Record.read(stored)
        txn.delete(name, db=self._index)
        txn.delete(name, db=self._bodies)
        txn.delete(_STAMP.pack(record.used_ms) + name, db=self._order)
        self._add(txn, -record.disk_bytes)

    def _evict(self, txn: lmdb.Transaction, max_bytes: int, max_entries: int) -> None:
        """Delete what was longest not used."""
        while self._total(txn) > max_bytes or txn.stat(self._index)["entries"] > max_entries:
            with txn.cursor(db=self._order) as cursor:
                if not cursor.first():
                    return
                name = bytes(cursor.key())[_STAMP.size :]
            self._delete(txn, name)

    def _delete_expired(self, txn: lmdb.Transaction, now_ms: int) -> None:
        """Look at a few records more, going round all of them, and delete those that have expired."""
        expired = []
        with txn.cursor(db=self._index) as cursor:
            found = cursor.set_range(self._swept_to)
            for _ in range(_SWEEP):
                if not found:
                    self._swept_to = b""
                    break
                self._swept_to = bytes(cursor.key())
                if Record.read(cursor.value()).expires_ms <= now_ms:
                    expired.append(self._swept_to)
                found = cursor.next()
        for name in expired:
            self._delete(txn, name)

    def _total(self, txn: lmdb.Transaction) -> int:
        stored = txn.get(_TOTAL, db=self._totals)
        return 0 if stored is None else int(_COUNT.unpack(stored)[0])

    def _add(self, txn: lmdb.Transaction, disk_bytes: int) -> None:
        txn.put(_TOTAL, _COUNT.pack(self._total(txn) + disk_bytes), db=self._totals)


def _name(key: bytes, slot: int) -> bytes:
    return key + bytes([slot])
