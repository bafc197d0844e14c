"""A store of calls on real files, which keeps its contract and no more: it inserts what it is told to.

A batch is written in two halves, so that a kill in between leaves a part of it, as the contract allows.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from tallygate.schemas.codec import decode, encode
from tallygate.schemas.events import RequestEvent
from tallygate.schemas.records import Alert, Call
from tallygate.stream_processors.errors import StoreUnavailableError
from tallygate.stream_processors.store import Applied, Placed


class FileStore:
    """Rows without any uniqueness: what is inserted twice is there twice."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=20)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS rows (kind TEXT, edge TEXT, seq INT, at INT, cost INT, record BLOB)"
        )
        self.failures: list[str] = []
        """What the next inserts do: `before`, `between` or `after` writing, they fail."""
        self.down = False
        self.inserts = 0

    def applied(self, partition: int) -> Applied:
        self._check()
        return Applied(calls=self._highest("call"), requests=self._highest("request"))

    def insert_calls(self, partition: int, calls: Sequence[Placed[Call]]) -> None:
        self._insert("call", [(placed, placed.record.cost_nanos) for placed in calls])

    def insert_requests(self, partition: int, requests: Sequence[Placed[RequestEvent]]) -> None:
        self._insert("request", [(placed, None) for placed in requests])

    def insert_alerts(self, alerts: Sequence[Alert]) -> None:
        self._check()
        held = {edge for edge, _, _ in self.rows("alert")}
        values = [
            ("alert", each.alert_id, 0, 0, None, encode(each)) for each in alerts if each.alert_id not in held
        ]
        self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", values)

    def rows(self, kind: str) -> list[tuple[str, int, int]]:
        """Edge, number and cost of what is held, in order of insertion."""
        found = self._db.execute("SELECT edge, seq, cost FROM rows WHERE kind = ? ORDER BY rowid", (kind,))
        return found.fetchall()

    def calls(self) -> list[Call]:
        """The calls that are held."""
        found = self._db.execute("SELECT record FROM rows WHERE kind = 'call' ORDER BY rowid").fetchall()
        return [decode(Call, record) for (record,) in found]

    def forget_above(self, seq: int) -> None:
        """Be a store that was restored from an older copy."""
        self._db.execute("DELETE FROM rows WHERE seq > ?", (seq,))

    def _highest(self, kind: str) -> dict[str, int]:
        query = "SELECT edge, max(seq) FROM rows WHERE kind = ? GROUP BY edge"
        return dict(self._db.execute(query, (kind,)).fetchall())

    def _insert(
        self, kind: str, rows: list[tuple[Placed[Call], int | None]] | list[tuple[Placed[RequestEvent], None]]
    ) -> None:
        self._check()
        self.inserts += 1
        failure = self.failures.pop(0) if self.failures else ""
        if failure == "before":
            raise StoreUnavailableError("refused")
        values = [
            (kind, p.record.origin.edge_id, p.record.origin.seq, p.offset, cost, encode(p.record))
            for p, cost in rows
        ]
        half = (len(values) + 1) // 2
        for part in (values[:half], values[half:]):
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", part)
            self._db.execute("COMMIT")
            if failure == "between":
                raise StoreUnavailableError("lost the connection")
        if failure == "after":
            raise StoreUnavailableError("no answer")

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailableError("down")
