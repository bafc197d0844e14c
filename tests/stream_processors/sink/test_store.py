"""The store in ClickHouse: embedded, and over HTTP."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tallygate.runtime.clickhouse import EmbeddedTarget, ServerTarget, Session, Target, connect
from tallygate.runtime.config import ClickHouseConfig
from tallygate.schemas.call import Origin
from tallygate.schemas.records import Call
from tallygate.stream_processors.errors import FatalError, StoreUnavailableError
from tallygate.stream_processors.sink.store import ClickHouseStore, insert_comment
from tallygate.stream_processors.store import Applied, Placed
from tests.support.chdb_engine import empty_target, migrated_target
from tests.support.factories import NOV_2026_US, alert, call, request_event
from tests.support.wait import eventually_sync

DEC_2026_US = NOV_2026_US + 30 * 86_400_000_000


def calls_of(edge: str, seqs: range, **fields: Any) -> list[Placed[Call]]:
    """Calls of an edge; offsets are the numbers too."""
    return [Placed(seq, call(origin=Origin(edge_id=edge, seq=seq), **fields)) for seq in seqs]


@contextmanager
def opened(target: Target) -> Iterator[tuple[ClickHouseStore, Session]]:
    """A store, and a session to look at what it did."""
    store, session = ClickHouseStore(target), connect(target)
    yield store, session
    store.close()
    session.close()


def test_an_empty_store_has_applied_nothing() -> None:
    with opened(migrated_target()) as (store, _):
        assert store.applied(0) == Applied({}, {})


def test_applied_is_the_highest_number_by_edge_partition_and_kind() -> None:
    with opened(migrated_target()) as (store, _):
        store.insert_calls(0, calls_of("a", range(1, 6)) + calls_of("b", range(40, 50)))
        store.insert_calls(1, calls_of("a", range(100, 102)))
        store.insert_requests(0, [Placed(9, request_event(origin=Origin(edge_id="a", seq=9)))])
        assert store.applied(0) == Applied({"a": 5, "b": 49}, {"a": 9})
        assert store.applied(1) == Applied({"a": 101}, {})
        assert store.applied(2) == Applied({}, {})


def test_nothing_to_insert_is_no_insert() -> None:
    with opened(migrated_target()) as (store, session):
        store.insert_calls(0, [])
        store.insert_requests(0, [])
        assert session.rows("SELECT count() FROM calls") == [(0,)]


def test_a_batch_is_one_part_for_each_month_in_order() -> None:
    batch = calls_of("a", range(1, 4), ended_at_us=NOV_2026_US) + calls_of(
        "a", range(4, 6), ended_at_us=DEC_2026_US
    )
    with opened(migrated_target()) as (store, session):
        store.insert_calls(0, batch)
        parts = session.rows(
            "SELECT partition, sum(rows) FROM system.parts WHERE database = currentDatabase()"
            " AND table = 'call_log' AND level = 0 GROUP BY partition ORDER BY partition"
        )
        inserts = session.rows("SELECT count(DISTINCT _part) FROM call_log")
    assert parts == [("202611", 3), ("202612", 2)]
    assert inserts == [(2,)]


def test_a_large_batch_is_still_one_part() -> None:
    """The driver and ClickHouse would each rather cut it."""
    batch = calls_of("a", range(1, 15_001), prompt="x" * 500)
    with opened(migrated_target()) as (store, session):
        store.insert_calls(0, batch)
        assert session.rows("SELECT count(DISTINCT _part), count() FROM call_log") == [(1, 15_000)]


def test_what_is_read_is_what_was_inserted() -> None:
    record = call(
        properties={"ä": "ö", "": "", "Feature": "x'y\\z"},
        prompt="".join(map(chr, itertools.chain(range(1, 256), (0x1F600, 0)))),
        cost_nanos=-(2**63),
        input_cost_nanos=2**63 - 1,
        output_cost_nanos=None,
        stream=True,
    )
    with opened(migrated_target()) as (store, session):
        store.insert_calls(0, [Placed(1, record)])
        found = session.rows(
            "SELECT properties, prompt, cost_nanos, input_cost_nanos, output_cost_nanos, stream, received_at,"
            " rate_limit, property_names FROM calls"
        )[0]
    properties = {"ä": "ö", "": "", "feature": "x'y\\z"}
    assert found[:6] == (properties, record.prompt, -(2**63), 2**63 - 1, None, True)
    assert found[6].timestamp() == record.received_at_us / 1_000_000
    assert found[7:] == (record.rate_limit, ["ä", "", "Feature"])


def test_a_server_that_is_down_is_unavailable() -> None:
    store = ClickHouseStore(ServerTarget(ClickHouseConfig(port=1)))
    with pytest.raises(StoreUnavailableError, match=r"no answer from ClickHouse: .*refused"):
        store.applied(0)
    with pytest.raises(StoreUnavailableError):
        store.insert_calls(0, calls_of("a", range(1)))
    store.close()


def test_tables_that_are_missing_are_fatal() -> None:
    target = empty_target()
    session = connect(target, database="default")
    session.command(f"CREATE DATABASE {target.database}")
    session.close()
    store = ClickHouseStore(target)
    with pytest.raises(FatalError, match="call_log"):
        store.applied(0)
    with pytest.raises(FatalError, match="call_log"):
        store.insert_calls(0, calls_of("a", range(1)))
    store.close()


def test_a_directory_that_another_process_has_open_is_unavailable(tmp_path: Path) -> None:
    """As is a second directory in one process, which chDB does not allow either."""
    migrated_target()
    store = ClickHouseStore(EmbeddedTarget(tmp_path / "chdb"))
    with pytest.raises((StoreUnavailableError, FatalError)):
        store.applied(0)


class Dropping(BaseHTTPRequestHandler):
    """A server that answers the handshake, takes an insert, and closes without an answer."""

    inserts: list[int] = []
    paths: list[str] = []

    def do_POST(self) -> None:
        body = self._body()
        if b"INSERT" in body[:100] or "INSERT" in self.path:
            self.inserts.append(len(body))
            self.paths.append(self.path)
            self.close_connection = True
            return
        answer = b"26.9.1.1\tUTC\n" if b"version()" in body or "version" in self.path else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("X-ClickHouse-Format", "TabSeparated")
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        self.do_POST()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def test_an_insert_whose_answer_is_lost_is_not_repeated_by_the_driver() -> None:
    """It may be held: only the rows themselves can tell."""
    Dropping.inserts = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dropping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    store = ClickHouseStore(ServerTarget(ClickHouseConfig(port=server.server_address[1])))
    try:
        with pytest.raises(StoreUnavailableError):
            store.insert_calls(0, calls_of("a", range(3)))
    finally:
        store.close()
        server.shutdown()
        server.server_close()
    assert len(Dropping.inserts) == 1


def test_inserts_are_known_by_their_partition_while_they_last() -> None:
    Dropping.inserts, Dropping.paths = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dropping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    store = ClickHouseStore(ServerTarget(ClickHouseConfig(port=server.server_address[1])))
    try:
        with pytest.raises(StoreUnavailableError):
            store.insert_calls(3, calls_of("a", range(3)))
    finally:
        store.close()
        server.shutdown()
        server.server_close()
    (path,) = Dropping.paths
    assert parse_qs(urlsplit(path).query)["log_comment"] == [insert_comment("tallygate", 3)]


def test_what_is_held_is_not_told_while_an_insert_is_under_way() -> None:
    """Its sender may be dead, or wait no longer: what it brings would be inserted once more."""
    target = migrated_target()

    def slow_insert(session: Session) -> None:
        session.command(
            "INSERT INTO call_log (source_partition, origin_edge, origin_seq, ended_at)"
            " SELECT 3, 'a', number, '2026-11-06' FROM numbers(4) WHERE sleepEachRow(0.5) = 0"
            f" SETTINGS log_comment = '{insert_comment(target.database, 3)}'"
        )

    with opened(target) as (store, session):
        sender = threading.Thread(target=slow_insert, args=(session,))
        sender.start()

        def refused() -> bool:
            try:
                return store.applied(3).calls == {"a": 3}
            except StoreUnavailableError:
                return True

        eventually_sync(refused)
        assert sender.is_alive()
        assert store.applied(2) == Applied({}, {})
        sender.join()
        assert store.applied(3) == Applied({"a": 3}, {})


async def test_stores_of_several_threads_at_once() -> None:
    target = migrated_target()

    def work(partition: int) -> None:
        with opened(target) as (store, _):
            for start in range(1, 41, 10):
                store.insert_calls(partition, calls_of("a", range(start, start + 10)))

    await asyncio.gather(*(asyncio.to_thread(work, partition) for partition in range(3)))
    with opened(target) as (store, session):
        assert session.rows("SELECT count() FROM calls") == [(120,)]
        assert [store.applied(partition).calls for partition in range(3)] == [{"a": 40}] * 3


def test_alerts_are_held_once_whatever_is_repeated() -> None:
    first, second = alert(), alert(raised_at_us=DEC_2026_US, state="resolved", group="ada\udcff")
    with opened(migrated_target()) as (store, session):
        store.insert_alerts([first, first])
        store.insert_alerts([first, second])
        store.insert_alerts([second])
        rows = session.rows("SELECT alert_id, state, value, group_value FROM alerts ORDER BY raised_at")
        assert rows == [
            (first.alert_id, "firing", first.value, ""),
            (second.alert_id, "resolved", second.value, "ada?"),
        ]
        (row,) = session.rows("SELECT * FROM alerts WHERE state = 'firing'")
        assert {7, "cost", "day", "Daily spend", True, None} <= set(row)
