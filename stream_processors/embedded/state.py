"""The embedded runner's state: one SQLite file, written in one transaction per batch.

WAL with `synchronous=NORMAL`. After `kill -9` every committed transaction is there: it is in the page cache.
After a power cut the last ones may be missing, but never a part of one: positions and totals then stand
together at an earlier point, from which the log is read again. The log must still be there for that, so
`make_durable` (which waits for the disk) comes before segments are deleted. `FULL` would add a disk wait to
every batch and protect nothing more: neither the outbox nor the store of calls waits for the disk by default.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallygate.edge.outbox.reader import Position
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.embedded.batch import DeadRecord
from tallygate.stream_processors.errors import FatalError, ProcessorError, RetryableError
from tallygate.stream_processors.usage import COUNTERS, Deltas
from tallygate.stream_processors.usage.sums import MAX_SUM

VERSION = 1
_KEY = ("project", "dimension", "name", "value")
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS runner_version (version INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outboxes (
    edge_id TEXT PRIMARY KEY,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    stored_requests INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS usage_totals (
    {", ".join(f"{name} TEXT NOT NULL" for name in _KEY)},
    {", ".join(f"{name} INTEGER NOT NULL" for name in COUNTERS)},
    last_seen_us INTEGER NOT NULL,
    PRIMARY KEY ({", ".join(_KEY)})
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
    edge_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    topic INTEGER NOT NULL,
    reason TEXT NOT NULL,
    payload BLOB NOT NULL,
    failed_at_us INTEGER NOT NULL,
    PRIMARY KEY (edge_id, seq)
) STRICT;
"""
_ADD_TOTAL = f"""
INSERT INTO usage_totals VALUES ({", ".join("?" * (len(_KEY) + len(COUNTERS) + 1))})
ON CONFLICT DO UPDATE SET
    {", ".join(f"{name} = min({MAX_SUM}, {name} + excluded.{name})" for name in COUNTERS)},
    last_seen_us = max(last_seen_us, excluded.last_seen_us)
"""  # noqa: S608 - names from the code


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How far an outbox is read, and what of it is counted."""

    position: Position
    counted: int = -1
    """Highest number of a call in the totals."""
    stored_requests: int = -1
    """Highest number of a request that the store took."""


class RunnerState:
    """The state file, open for the one process that may write it."""

    def __init__(self, path: Path) -> None:
        """Open or create.

        Raises:
            FatalError: another process has it, it is damaged, or a later release wrote it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_fd = _lock(path.with_suffix(".lock"))
        try:
            self._db = _open(path)
        except ProcessorError:
            os.close(self._lock_fd)
            raise

    def outboxes(self) -> dict[str, OutboxState]:
        """What is known of each edge."""
        with _errors():
            rows = self._db.execute("SELECT * FROM outboxes").fetchall()
        return {edge: OutboxState(Position(first, at), *marks) for edge, first, at, *marks in rows}

    def count_dead_letters(self) -> int:
        """Number of records set aside so far."""
        with _errors():
            (count,) = self._db.execute("SELECT count(*) FROM dead_letters").fetchone()
        return int(count)

    def commit(self, outboxes: Mapping[str, OutboxState], deltas: Deltas, dead: list[DeadRecord]) -> None:
        """Add to the totals, set dead records aside and move the positions, all or nothing.

        Raises:
            RetryableError: nothing was written.
        """
        now_us = time.time_ns() // 1000
        totals = [(*key, *(min(MAX_SUM, n) for n in (*sums, last))) for key, sums, last in deltas.items()]
        letters = [(d.edge_id, min(d.seq, MAX_SUM), d.topic, d.reason, d.payload, now_us) for d in dead]
        places = [
            (edge, state.position.segment, state.position.offset, state.counted, state.stored_requests)
            for edge, state in outboxes.items()
        ]
        with self._transaction():
            self._db.executemany(_ADD_TOTAL, totals)
            self._db.executemany("INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?)", letters)
            self._db.executemany("INSERT OR REPLACE INTO outboxes VALUES (?, ?, ?, ?, ?)", places)

    def make_durable(self) -> bool:
        """Wait for the disk; return whether everything committed is now on it (a long reader may prevent
        that for a while)."""
        with _errors():
            _, in_log, moved = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(in_log == moved)

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._db.close()
        os.close(self._lock_fd)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def _errors() -> Iterator[None]:
    """The one place where SQLite's errors become ours."""
    try:
        yield
    except sqlite3.OperationalError as error:  # locked, disk full, I/O error
        raise RetryableError(f"state: {error}") from error
    except sqlite3.DatabaseError as error:
        raise FatalError(f"state: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    try:
        with _errors():
            db = sqlite3.connect(path, isolation_level=None, timeout=10)
            try:
                _prepare(db)
            except BaseException:
                db.close()
                raise
            return db
    except RetryableError as error:  # not there at the start means a wrong path or right: say so at once
        raise FatalError(f"{path}: {error}") from error


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.executescript(_SCHEMA)
    row = db.execute("SELECT version FROM runner_version").fetchone()
    if row is None:
        db.execute("INSERT INTO runner_version VALUES (?)", (VERSION,))
    elif row[0] != VERSION:
        raise FatalError(f"the runner's state has version {row[0]}; this release knows {VERSION}")


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise FatalError(f"{path.parent} is in use by another process") from error
    return fd


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with _errors():
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            yield db
        finally:
            db.close()


def read_totals(path: Path) -> list[UsageTotals]:
    """All usage totals in a state file, with the marks of what they count. Any process may call this."""
    with _reading(path) as db:
        db.execute("BEGIN")
        applied = dict(db.execute("SELECT edge_id, counted FROM outboxes WHERE counted >= 0").fetchall())
        cursor = db.execute("SELECT * FROM usage_totals")
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    return [UsageTotals(**dict(zip(names, row, strict=True)), applied=applied) for row in rows]


def read_dead_letters(path: Path, limit: int = 100) -> list[tuple[DeadRecord, int]]:
    """The latest dead records and when each was set aside, in microseconds."""
    columns = "edge_id, seq, topic, reason, payload, failed_at_us"
    query = f"SELECT {columns} FROM dead_letters ORDER BY failed_at_us DESC, seq DESC LIMIT ?"  # noqa: S608
    with _reading(path) as db:
        rows = db.execute(query, (limit,)).fetchall()
    return [(DeadRecord(*values), failed_at_us) for *values, failed_at_us in rows]
