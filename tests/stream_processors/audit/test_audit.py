"""An audit of the embedded run's books finds what is made to differ, and nothing else."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.writer import OutboxLimits
from tallygate.runtime.clickhouse import EmbeddedTarget, Session, connect
from tallygate.schemas.topics import RESPONSES
from tallygate.stream_processors.audit.audit import audit
from tallygate.stream_processors.audit.compare import Audit
from tallygate.stream_processors.audit.embedded import EmbeddedBooks
from tallygate.stream_processors.embedded import EmbeddedRunner
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.tokens import TokenCounter
from tests.support import factories
from tests.support.chdb_engine import migrated_target
from tests.support.outboxes import FilledOutbox

PRICER = Pricer(counter=TokenCounter(load=False))
CALLS = 40
COST = 12 * 150 + 5 * 600


class Place:
    """Two edges' outboxes, which the core has taken in; and a third that is not read yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.target: EmbeddedTarget = migrated_target()
        self.session: Session = connect(self.target)
        for index in range(2):
            self.fill(index)
        self.process()

    def fill(self, index: int, calls: int = CALLS // 2) -> None:
        outbox = FilledOutbox(self.directory / "outbox", index, OutboxLimits(segment_bytes=8_192))
        for number in range(calls):
            outbox.add(factories.request_event())
            outbox.add(factories.response_event(project=("acme", "default")[number % 2]))
        outbox.writer.append(RESPONSES.code, b"key", b"no event")
        outbox.add(
            factories.response_event(project="acme", provider="nobody", model="none", model_requested="none")
        )
        outbox.close()

    def process(self) -> None:
        stop = threading.Event()
        stop.set()
        store = ClickHouseStore(self.target)
        EmbeddedRunner(self.directory / "outbox", self.state, store, PRICER).run(stop)
        store.close()

    @property
    def state(self) -> Path:
        return self.directory / "state.db"

    def audit(self) -> Audit:
        return audit(EmbeddedBooks(self.target, self.directory / "outbox", self.state))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_books_that_are_in_order(place: Place) -> None:
    found = place.audit()
    assert found.agrees
    assert (found.stored.requests, found.stored.unpriced, found.stored.cost_nanos) == (
        CALLS + 2,
        2,
        CALLS * COST,
    )
    assert found.logged == CALLS + 2


def test_what_is_not_counted_yet_is_nobodys_difference(place: Place) -> None:
    place.fill(2)
    found = place.audit()
    assert found.agrees
    assert found.stored.requests == CALLS + 2


def test_a_log_that_was_cut_is_compared_as_far_as_it_goes(place: Place) -> None:
    for directory in (place.directory / "outbox").iterdir():
        segment.segments(directory)[0].unlink()
    found = place.audit()
    assert found.agrees
    assert 0 < found.logged < CALLS


def altered(text: str) -> Callable[[Place], None]:
    def alter(place: Place) -> None:
        place.session.command(f"ALTER TABLE call_log {text} SETTINGS mutations_sync = 2")

    return alter


def stated(text: str) -> Callable[[Place], None]:
    def state(place: Place) -> None:
        with sqlite3.connect(place.state) as db:
            db.execute(text)
        db.close()

    return state


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (
            altered("UPDATE cost_nanos = cost_nanos + 1 WHERE project = 'default'"),
            {("totals", "default", "cost_nanos")},
        ),
        (altered("UPDATE input_tokens = 0 WHERE project = 'acme'"), {("totals", "acme", "input_tokens")}),
        (altered("UPDATE priced = 1 WHERE NOT priced"), {("totals", "acme", "unpriced")}),
        (
            stated("UPDATE usage_totals SET requests = 1 WHERE dimension = 'project' AND value = 'acme'"),
            {("totals", "acme", "requests")},
        ),
        (
            stated("DELETE FROM usage_totals WHERE dimension = 'project' AND value = 'default'"),
            {("totals", "default", f) for f in ("requests", "cost_nanos", "input_tokens", "output_tokens")},
        ),
    ],
)
def test_what_differs_is_named(
    place: Place, damage: Callable[[Place], None], found: set[tuple[str, str, str]]
) -> None:
    damage(place)
    differences = place.audit().differences
    assert {(d.where, d.of, d.figure) for d in differences} == found
    assert all(d.said != d.stored for d in differences)


def test_calls_that_the_store_lost_differ_from_totals_and_log(place: Place) -> None:
    place.session.command(
        "DELETE FROM call_log WHERE (origin_edge, origin_seq) IN"
        " (SELECT origin_edge, min(origin_seq) FROM call_log WHERE project = 'acme' GROUP BY origin_edge)"
    )
    found = place.audit()
    assert not found.agrees
    by_log = [d for d in found.differences if d.where == "log"]
    assert [(d.said - d.stored) for d in by_log] == [1, 1]
    assert {
        d.said - d.stored for d in found.differences if d.figure == "requests" and d.where == "totals"
    } == {2}


def test_a_store_that_is_behind_is_waited_for(place: Place) -> None:
    place.session.command("TRUNCATE TABLE call_log")
    found = place.audit()
    assert not found.agrees
    assert found.differences == ()
    assert "behind in 2 stream(s)" in found.waiting
