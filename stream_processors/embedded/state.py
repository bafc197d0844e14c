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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from tallygate.edge.outbox.reader import Position
from tallygate.schemas.codec import decode, encode_sparse
from tallygate.schemas.deliveries import Outgoing
from tallygate.schemas.periods import HOUR_US
from tallygate.schemas.records import BudgetState, RuleState
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.budgets.evaluator import Outcome
from tallygate.stream_processors.embedded import alerts, outgoing
from tallygate.stream_processors.embedded.alerts import NumberedAlert
from tallygate.stream_processors.embedded.batch import DeadRecord
from tallygate.stream_processors.errors import FatalError, ProcessorError, RetryableError
from tallygate.stream_processors.rules import Changes
from tallygate.stream_processors.usage import COUNTERS, Deltas, Tally
from tallygate.stream_processors.usage.sums import MAX_SUM
from tallygate.stream_processors.usage.totals import SESSION_IDLE_US

VERSION = 2
_KEY = ("project", "dimension", "name", "value")
_PERIOD_KEY = (*_KEY, "period", "start_us", "end_us")
_SKETCHES = ("latency_sketch", "ttft_sketch")
_FIRST_COUNTERS = (
    "requests", "errors", "unpriced", "input_tokens", "output_tokens", "cached_input_tokens",
    "cache_write_tokens", "reasoning_tokens", "input_audio_tokens", "output_audio_tokens", "cost_nanos",
    "latency_us",
)  # fmt: skip
"""Of version 1."""
_KEEP_US = {"hour": 3 * HOUR_US, "day": 50 * HOUR_US, "week": 15 * 24 * HOUR_US, "month": 63 * 24 * HOUR_US}
"""How long after its end a period stays at least: longer than the one after it, in every time zone."""
_COUNTER_COLUMNS = ", ".join(f"{name} INTEGER NOT NULL DEFAULT 0" for name in COUNTERS)
_SKETCH_COLUMNS = ", ".join(f"{name} TEXT NOT NULL DEFAULT '{{}}'" for name in _SKETCHES)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS outboxes (
    edge_id TEXT PRIMARY KEY,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    stored_requests INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS usage_totals (
    {", ".join(f"{name} TEXT NOT NULL" for name in _KEY)},
    {_COUNTER_COLUMNS},
    {_SKETCH_COLUMNS},
    last_seen_us INTEGER NOT NULL,
    PRIMARY KEY ({", ".join(_KEY)})
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage_periods (
    {", ".join(f"{name} TEXT NOT NULL" for name in (*_KEY, "period"))},
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    {_COUNTER_COLUMNS},
    {_SKETCH_COLUMNS},
    PRIMARY KEY ({", ".join((*_KEY, "period", "start_us"))})
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rule_totals (
    project TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    counting_revision INTEGER NOT NULL,
    group_value TEXT NOT NULL,
    bucket_start_us INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (project, rule_id, counting_revision, group_value, bucket_start_us)
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


def _add(table: str, columns: Sequence[str], last: str = "") -> str:
    """The statement that adds counters to a row, or makes it."""
    added = (*COUNTERS, *_SKETCHES)
    names = [*columns, *added, *([last] if last else [])]
    sums = [f"{name} = min({MAX_SUM}, {name} + excluded.{name})" for name in COUNTERS]
    sums += [f"{name} = sketch_add({name}, excluded.{name})" for name in _SKETCHES]
    sums += [f"{last} = max({last}, excluded.{last})"] if last else []
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608
        f"ON CONFLICT DO UPDATE SET {', '.join(sums)}"
    )


_ADD_TOTAL = _add("usage_totals", _KEY, "last_seen_us")
_ADD_PERIOD = _add("usage_periods", _PERIOD_KEY)
_PUT_RULE_TOTALS = "INSERT OR REPLACE INTO rule_totals VALUES (?, ?, ?, ?, ?, ?)"
_DROP_RULE_TOTALS = (
    "DELETE FROM rule_totals WHERE (project, rule_id, counting_revision, group_value, bucket_start_us)"
    " = (?, ?, ?, ?, ?)"
)

_PUT_COUNTED = (
    "INSERT INTO outboxes VALUES (?, 0, 0, ?, -1) ON CONFLICT DO UPDATE SET counted = excluded.counted"
)


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
        with state_errors():
            rows = self._db.execute("SELECT * FROM outboxes").fetchall()
        return {edge: OutboxState(Position(first, at), *marks) for edge, first, at, *marks in rows}

    def count_dead_letters(self) -> int:
        """Number of records set aside so far."""
        with state_errors():
            (count,) = self._db.execute("SELECT count(*) FROM dead_letters").fetchone()
        return int(count)

    def rule_totals(self) -> list[RuleTotals]:
        """What the rules have counted, and their progress."""
        with state_errors():
            rows = self._db.execute("SELECT record FROM rule_totals").fetchall()
        return [decode(RuleTotals, record) for (record,) in rows]

    def commit(
        self,
        outboxes: Mapping[str, OutboxState],
        deltas: Deltas,
        dead: list[DeadRecord],
        rules: Changes | None = None,
        told: Sequence[Outgoing] = (),
        taken: int = -1,
    ) -> None:
        """Add to the totals, write the rules' sums and what is to be told of calls, set dead records aside
        and move the positions, all or nothing. What is to be told is removed up to the number `taken`.

        Raises:
            RetryableError: nothing was written.
        """
        now_us = time.time_ns() // 1000
        totals, periods = _rows_of(deltas)
        sums = [] if rules is None else [(*key, encode_sparse(each)) for key, each in rules.changed.items()]
        letters = [(d.edge_id, min(d.seq, MAX_SUM), d.topic, d.reason, d.payload, now_us) for d in dead]
        places = [
            (edge, state.position.segment, state.position.offset, state.counted, state.stored_requests)
            for edge, state in outboxes.items()
        ]
        with self._transaction():
            self._db.executemany(_ADD_TOTAL, totals)
            self._db.executemany(_ADD_PERIOD, periods)
            self._db.executemany(_DROP_RULE_TOTALS, [] if rules is None else list(rules.removed))
            self._db.executemany(_PUT_RULE_TOTALS, [(*key, text.decode()) for *key, text in sums])
            self._db.executemany("INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?)", letters)
            outgoing.write_outgoing(self._db, told, taken)
            self._db.executemany("INSERT OR REPLACE INTO outboxes VALUES (?, ?, ?, ?, ?)", places)

    @contextmanager
    def replacing_totals(self, marks: Mapping[str, int], now_us: int) -> Iterator[Callable[[Deltas], None]]:
        """Empty the totals, and yield what adds to them; `marks` are what they have counted then, by edge id.

        Positions stay; the rules' sums are dropped with their progress. All of it or nothing: whatever is
        raised within, and if the process dies.

        Raises:
            RetryableError: nothing was written.
        """

        def add(deltas: Deltas) -> None:
            totals, periods = _rows_of(deltas)
            with state_errors():
                self._db.executemany(_ADD_TOTAL, totals)
                self._db.executemany(_ADD_PERIOD, periods)

        with self._transaction():
            for table in ("usage_totals", "usage_periods", "rule_totals"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608
            self._db.execute("UPDATE outboxes SET counted = -1")
            self._db.executemany(_PUT_COUNTED, list(marks.items()))
            yield add
            self._prune(now_us)

    def told(self) -> tuple[list[RuleState], list[BudgetState]]:
        """What was told of the rules, and what the edges were told of budgets."""
        with state_errors():
            return alerts.read_states(self._db)

    def commit_told(self, outcome: Outcome) -> None:
        """Write an evaluation: its alerts, and what was told with them, all or nothing.

        Raises:
            RetryableError: nothing was written.
        """
        with self._transaction():
            alerts.write_outcome(self._db, outcome)

    def unstored_alerts(self) -> list[NumberedAlert]:
        """Alerts that the store may lack, the first of them."""
        with state_errors():
            return alerts.read_alerts(self._db, unstored=True)

    def mark_stored(self, stored: Sequence[NumberedAlert], now_us: int) -> None:
        """The store has these alerts; those that are old are forgotten here."""
        with self._transaction():
            alerts.mark_stored(self._db, stored, now_us)

    def prune(self, now_us: int) -> None:
        """Drop periods that are over for long and sessions that are idle, so that the state does not grow
        with time."""
        with self._transaction():
            self._prune(now_us)

    def make_durable(self) -> bool:
        """Wait for the disk; return whether everything committed is now on it (a long reader may prevent
        that for a while)."""
        with state_errors():
            _, in_log, moved = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(in_log == moved)

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._db.close()
        os.close(self._lock_fd)

    def _prune(self, now_us: int) -> None:
        for period, keep_us in _KEEP_US.items():
            self._db.execute(
                "DELETE FROM usage_periods WHERE period = ? AND end_us < ?", (period, now_us - keep_us)
            )
        self._db.execute(
            "DELETE FROM usage_totals WHERE dimension = 'session' AND last_seen_us < ?",
            (now_us - SESSION_IDLE_US,),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with state_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def state_errors() -> Iterator[None]:
    """The one place where SQLite's errors become ours."""
    try:
        yield
    except sqlite3.OperationalError as error:  # locked, disk full, I/O error
        raise RetryableError(f"state: {error}") from error
    except sqlite3.DatabaseError as error:
        raise FatalError(f"state: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    try:
        with state_errors():
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
    db.create_function("sketch_add", 2, _sketch_add, deterministic=True)
    db.execute("BEGIN IMMEDIATE")
    try:
        _migrate(db)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _migrate(db: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an earlier release to this one's form."""
    db.execute("CREATE TABLE IF NOT EXISTS runner_version (version INTEGER NOT NULL) STRICT")
    row = db.execute("SELECT version FROM runner_version").fetchone()
    version = None if row is None else row[0]
    if version == 1:
        _from_version_1(db)
    elif version not in (None, VERSION):
        raise FatalError(f"the runner's state has version {version}; this release knows {VERSION}")
    for statement in (_SCHEMA + alerts.SCHEMA + outgoing.SCHEMA).split(";"):
        db.execute(statement)
    db.execute("DELETE FROM runner_version")
    db.execute("INSERT INTO runner_version VALUES (?)", (VERSION,))


def _from_version_1(db: sqlite3.Connection) -> None:
    """Version 1 had fewer counters, and neither periods nor rules."""
    for name in COUNTERS:
        if name not in _FIRST_COUNTERS:
            db.execute(f"ALTER TABLE usage_totals ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0")
    for name in _SKETCHES:
        db.execute(f"ALTER TABLE usage_totals ADD COLUMN {name} TEXT NOT NULL DEFAULT '{{}}'")


def _sketch_add(held: str, more: str) -> str:
    """SQL function: one sketch added to another."""
    total = orjson.loads(held)
    for bucket, count in orjson.loads(more).items():
        total[bucket] = total.get(bucket, 0) + count
    return orjson.dumps(total).decode()


class _Values:
    """Tallies as values of columns. Those of a key's periods are mostly one and the same."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Tally, list[int | str]]] = {}

    def of(self, tally: Tally) -> list[int | str]:
        """The counters and sketches of a tally, which may not change any more."""
        known = self._known.get(id(tally))
        if known is None:  # with the tally itself: while it lives, no other has its id
            known = self._known[id(tally)] = (tally, _values(tally))
        return known[1]


def _rows_of(deltas: Deltas) -> tuple[list[tuple[int | str, ...]], list[tuple[int | str, ...]]]:
    """Rows to add to the totals, and to their periods."""
    values = _Values()
    totals = [(*key, *values.of(tally), min(MAX_SUM, tally.last_seen_us)) for key, tally in deltas.items()]
    periods = [(*key, period, *span, *values.of(tally)) for (key, period, span), tally in deltas.periods()]
    return totals, periods


def _values(tally: Tally) -> list[int | str]:
    sketches = (orjson.dumps(each, option=orjson.OPT_NON_STR_KEYS) for each in (tally.latency, tally.ttft))
    return [*(min(MAX_SUM, each) for each in tally.sums), *(each.decode() for each in sketches)]


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise FatalError(f"{path.parent} is in use by another process") from error
    return fd
