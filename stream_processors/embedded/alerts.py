"""What was told of rules, in tables of the runner's state file: alerts, states, and budgets for the edges.

An evaluation is written in one transaction. Alerts get growing numbers, for whoever delivers them: it reads
those above its own position.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from tallygate.schemas.codec import decode, encode
from tallygate.schemas.model import Record
from tallygate.schemas.records import Alert, BudgetState, RuleState
from tallygate.stream_processors.budgets.evaluator import GroupKey, Outcome

R = TypeVar("R", bound=Record)

KEEP_US = 90 * 86_400_000_000
"""Alerts older than this are in the store alone."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_id TEXT NOT NULL UNIQUE,
    raised_at_us INTEGER NOT NULL,
    stored INTEGER NOT NULL DEFAULT 0,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS alerts_unstored ON alerts (id) WHERE stored = 0;
CREATE TABLE IF NOT EXISTS rule_states (
    rule_id TEXT NOT NULL,
    group_value TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (rule_id, group_value)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS budget_states (
    rule_id TEXT NOT NULL,
    group_value TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (rule_id, group_value)
) STRICT, WITHOUT ROWID;
"""


class NumberedAlert(NamedTuple):
    """An alert and its number in the state."""

    number: int
    alert: Alert


def read_states(db: sqlite3.Connection) -> tuple[list[RuleState], list[BudgetState]]:
    """What was told of each rule, and what edges were told."""
    return _records(db, "rule_states", RuleState), _records(db, "budget_states", BudgetState)


def write_outcome(db: sqlite3.Connection, outcome: Outcome) -> None:
    """Write an evaluation; within a transaction. An alert that is there already stays as it is."""
    db.executemany(
        "INSERT OR IGNORE INTO alerts (alert_id, raised_at_us, record) VALUES (?, ?, ?)",
        [(alert.alert_id, alert.raised_at_us, encode(alert).decode()) for alert in outcome.alerts],
    )
    _write(db, "rule_states", outcome.states)
    _write(db, "budget_states", outcome.budgets)


def read_alerts(
    db: sqlite3.Connection, *, above: int = -1, unstored: bool = False, limit: int = 100
) -> list[NumberedAlert]:
    """Alerts in the order of their numbers."""
    only = "AND stored = 0" if unstored else ""
    rows = db.execute(
        f"SELECT id, record FROM alerts WHERE id > ? {only} ORDER BY id LIMIT ?",  # noqa: S608
        (above, limit),
    )
    return [NumberedAlert(number, decode(Alert, record)) for number, record in rows.fetchall()]


def mark_stored(db: sqlite3.Connection, alerts: Sequence[NumberedAlert], now_us: int) -> None:
    """Note that the store has them, and forget what is old; within a transaction."""
    db.executemany("UPDATE alerts SET stored = 1 WHERE id = ?", [(each.number,) for each in alerts])
    db.execute("DELETE FROM alerts WHERE stored = 1 AND raised_at_us < ?", (now_us - KEEP_US,))


def _records(db: sqlite3.Connection, table: str, model: type[R]) -> list[R]:
    rows = db.execute(f"SELECT record FROM {table}").fetchall()  # noqa: S608 - from the code
    return [decode(model, record) for (record,) in rows]


def _write(db: sqlite3.Connection, table: str, records: "dict[GroupKey, R | None]") -> None:
    gone = [key for key, record in records.items() if record is None]
    there = [(*key, encode(record).decode()) for key, record in records.items() if record is not None]
    db.executemany(f"DELETE FROM {table} WHERE rule_id = ? AND group_value = ?", gone)  # noqa: S608
    db.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", there)  # noqa: S608
