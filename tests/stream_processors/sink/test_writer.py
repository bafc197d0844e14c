"""Batches into a store that fails at will."""

import sqlite3
from collections.abc import Sequence

import pytest

from tallygate.runtime.messages import Place
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import encode, encode_lines
from tallygate.schemas.events import RequestEvent
from tallygate.schemas.records import Alert, Call
from tallygate.stream_processors.errors import StoreUnavailableError
from tallygate.stream_processors.messages import Raw
from tallygate.stream_processors.sink.writer import LeaseDoubtfulError, PartitionWriter
from tallygate.stream_processors.store import Applied, Placed
from tests.support.factories import alert, call, request_event

CALLS, REQUESTS, ALERTS = Place("llm.calls", 3), Place("llm.requests", 3), Place("llm.alerts", 3)


class SqliteStore:
    """A store of calls that can be told to fail after some rows."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.execute("CREATE TABLE held (kind TEXT, partition INT, edge TEXT, seq INT)")
        self.fail_after: int | None = None
        self.asked = 0

    def applied(self, partition: int) -> Applied:
        self.asked += 1
        return Applied(calls=self._marks("call", partition), requests=self._marks("request", partition))

    def insert_calls(self, partition: int, calls: Sequence[Placed[Call]]) -> None:
        self._insert("call", partition, [item.record.origin for item in calls])

    def insert_requests(self, partition: int, requests: Sequence[Placed[RequestEvent]]) -> None:
        self._insert("request", partition, [item.record.origin for item in requests])

    def insert_alerts(self, alerts: Sequence[Alert]) -> None:
        held = {edge for (edge,) in self._db.execute("SELECT edge FROM held WHERE kind = 'alert'")}
        rows = [(each.alert_id,) for each in alerts if each.alert_id not in held]
        self._db.executemany("INSERT INTO held VALUES ('alert', 0, ?, 0)", rows)

    def held(self, kind: str) -> list[int]:
        rows = self._db.execute("SELECT seq FROM held WHERE kind = ? ORDER BY rowid", (kind,))
        return [row[0] for row in rows]

    def _marks(self, kind: str, partition: int) -> dict[str, int]:
        query = "SELECT edge, max(seq) FROM held WHERE kind = ? AND partition = ? GROUP BY edge"
        return dict(self._db.execute(query, (kind, partition)))

    def _insert(self, kind: str, partition: int, origins: list[Origin]) -> None:
        taken = origins[: self.fail_after] if self.fail_after is not None else origins
        rows = [(kind, partition, origin.edge_id, origin.seq) for origin in taken]
        self._db.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", rows)
        if self.fail_after is not None:
            self.fail_after = None
            raise StoreUnavailableError("gone in the middle")


def calls(*seqs: int) -> bytes:
    return encode_lines(call(origin=Origin(edge_id="e", seq=seq)) for seq in seqs)


def test_what_the_store_held_before_is_skipped() -> None:
    store = SqliteStore()
    PartitionWriter(store, lambda: True).write(CALLS, [Raw(0, calls(1, 2, 3))])
    later = PartitionWriter(store, lambda: True)
    later.write(CALLS, [Raw(0, calls(2, 3, 4)), Raw(1, calls(4, 5))])
    assert store.held("call") == [1, 2, 3, 4, 5]
    assert later.inserted == 2
    assert store.asked == 2


def test_a_batch_that_was_taken_in_part_is_completed() -> None:
    store = SqliteStore()
    writer = PartitionWriter(store, lambda: True)
    writer.write(CALLS, [Raw(0, calls(1))])
    store.fail_after = 2
    with pytest.raises(StoreUnavailableError):
        writer.write(CALLS, [Raw(1, calls(2, 3, 4, 5))])
    writer.write(CALLS, [Raw(1, calls(2, 3, 4, 5))])
    assert store.held("call") == [1, 2, 3, 4, 5]


def test_lines_that_are_no_records_are_returned_and_the_others_kept() -> None:
    store = SqliteStore()
    value = calls(1) + b"\nnonsense\n" + calls(2)
    [bad] = PartitionWriter(store, lambda: True).write(CALLS, [Raw(7, value)])
    assert (bad.offset, bad.line) == (7, b"nonsense")
    assert "Call" in bad.reason
    assert store.held("call") == [1, 2]


def test_requests_have_marks_of_their_own() -> None:
    store = SqliteStore()
    writer = PartitionWriter(store, lambda: True)
    writer.write(CALLS, [Raw(0, calls(9))])
    writer.write(REQUESTS, [Raw(0, encode(request_event(origin=Origin(edge_id="e", seq=8))))])
    assert (store.held("call"), store.held("request")) == ([9], [8])


def test_without_the_lease_nothing_is_inserted_and_the_store_is_asked_again() -> None:
    store = SqliteStore()
    held = [True]
    writer = PartitionWriter(store, lambda: held[0])
    writer.write(CALLS, [Raw(0, calls(1))])
    held[0] = False
    with pytest.raises(LeaseDoubtfulError, match=r"llm\.calls/3"):
        writer.write(CALLS, [Raw(1, calls(2))])
    PartitionWriter(store, lambda: True).write(CALLS, [Raw(1, calls(2))])  # the next owner
    held[0] = True
    writer.write(CALLS, [Raw(1, calls(2, 3))])
    assert store.held("call") == [1, 2, 3]


def test_partitions_that_were_taken_away_are_asked_for_anew() -> None:
    store = SqliteStore()
    writer = PartitionWriter(store, lambda: True)
    writer.write(CALLS, [Raw(0, calls(1))])
    writer.forget([CALLS])
    PartitionWriter(store, lambda: True).write(CALLS, [Raw(1, calls(2))])
    writer.write(CALLS, [Raw(1, calls(2, 3))])
    assert store.held("call") == [1, 2, 3]


def test_alerts_are_written_with_the_lease_and_known_by_their_ids() -> None:
    store = SqliteStore()
    held = [True]
    writer = PartitionWriter(store, lambda: held[0])
    raw = Raw(0, encode(alert()) + b"\nnonsense")
    for _ in range(2):
        [bad] = writer.write(ALERTS, [raw])
        assert bad.line == b"nonsense"
    assert len(store.held("alert")) == 1
    held[0] = False
    with pytest.raises(LeaseDoubtfulError):
        writer.write(ALERTS, [raw])
