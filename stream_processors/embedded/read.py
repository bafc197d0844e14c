"""Reading the runner's state from outside: any process may, while the runner writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tallygate.schemas.codec import decode
from tallygate.schemas.records import RuleState
from tallygate.schemas.totals import Counters, PeriodSums, RuleTotals, UsageTotals
from tallygate.stream_processors.embedded.batch import DeadRecord
from tallygate.stream_processors.embedded.state import state_errors
from tallygate.stream_processors.usage import UsageKey

_KEY = ("project", "dimension", "name", "value")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the state at one moment.

    Raises:
        RetryableError: the state is not there, or busy.
    """
    with state_errors():
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            db.execute("BEGIN")
            yield db
        finally:
            db.close()


def read_totals(path: Path, where: str = "", values: tuple[Any, ...] = ()) -> list[UsageTotals]:
    """Usage totals in a state file with their periods and the marks of what they count: all, or those of a
    condition over project, dimension, name and value."""
    with reading(path) as db:
        applied = dict(db.execute("SELECT edge_id, counted FROM outboxes WHERE counted >= 0").fetchall())
        totals = _rows(db, f"SELECT * FROM usage_totals {where}", values)  # noqa: S608 - from the code
        periods = _rows(db, f"SELECT * FROM usage_periods {where}", values)  # noqa: S608
    by_key: dict[UsageKey, list[PeriodSums]] = {}
    for row in periods:
        by_key.setdefault(_key_of(row), []).append(PeriodSums(**row))
    return [
        UsageTotals(**row, applied=applied, periods=tuple(by_key.get(_key_of(row), ()))) for row in totals
    ]


def top_totals(
    path: Path,
    key: tuple[str, str, str],
    value: str | None,
    period: tuple[str, int] | None,
    limit: int,
) -> list[tuple[str, Counters, int | None]]:
    """The costliest totals of a project, dimension and name: of one value or of all, of all time or of the
    period of a kind that begins then. Each with its value and the end of its last call, if it is of all
    time."""
    table = "usage_totals" if period is None else "usage_periods"
    conditions = {"project": key[0], "dimension": key[1], "name": key[2]}
    if value is not None:
        conditions["value"] = value
    values: tuple[Any, ...] = (*conditions.values(), *(period or ()), limit)
    names = [*conditions, *(("period", "start_us") if period else ())]
    where = " AND ".join(f"{name} = ?" for name in names)
    query = f"SELECT * FROM {table} WHERE {where} ORDER BY cost_nanos DESC, requests DESC, value LIMIT ?"  # noqa: S608
    with reading(path) as db:
        rows = _rows(db, query, values)
    return [(row["value"], Counters(**row), row.get("last_seen_us")) for row in rows]


def read_rule_totals(path: Path) -> list[RuleTotals]:
    """What the rules have counted, and their progress."""
    with reading(path) as db:
        rows = db.execute("SELECT record FROM rule_totals").fetchall()
    return [decode(RuleTotals, record) for (record,) in rows]


def read_standing(path: Path, project: str) -> tuple[list[RuleTotals], list[RuleState]]:
    """What a project's rules have counted, and what was told of every rule, at one moment."""
    with reading(path) as db:
        totals = db.execute("SELECT record FROM rule_totals WHERE project = ?", (project,)).fetchall()
        states = db.execute("SELECT record FROM rule_states").fetchall()
    return [decode(RuleTotals, text) for (text,) in totals], [decode(RuleState, text) for (text,) in states]


def read_dead_letters(path: Path, limit: int = 100) -> list[tuple[DeadRecord, int]]:
    """The latest dead records and when each was set aside, in microseconds."""
    columns = "edge_id, seq, topic, reason, payload, failed_at_us"
    query = f"SELECT {columns} FROM dead_letters ORDER BY failed_at_us DESC, seq DESC LIMIT ?"  # noqa: S608
    with reading(path) as db:
        rows = db.execute(query, (limit,)).fetchall()
    return [(DeadRecord(*values), failed_at_us) for *values, failed_at_us in rows]


def _rows(db: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    cursor = db.execute(query, values)
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    for row in rows:
        for sketch in ("latency_sketch", "ttft_sketch"):
            row[sketch] = {int(bucket): count for bucket, count in orjson.loads(row[sketch]).items()}
    return rows


def _key_of(row: dict[str, Any]) -> UsageKey:
    return UsageKey(*(row[name] for name in _KEY))
