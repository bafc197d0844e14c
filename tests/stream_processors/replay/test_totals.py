"""The running totals are rebuilt from the store of calls, in chDB, and the runner goes on from there."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tallygate.analytics.requests.where import where
from tallygate.runtime.clickhouse import EmbeddedTarget, Session, connect
from tallygate.schemas.call import Attempt, Origin, Outcome
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.topics import RESPONSES
from tallygate.stream_processors.embedded import EmbeddedRunner, read_rule_totals
from tallygate.stream_processors.embedded.accounting import now_us
from tallygate.stream_processors.embedded.runner import PARTITION
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.replay.stored_calls import StoredCalls
from tallygate.stream_processors.replay.totals import Accounts, compare, rebuild_totals
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.sink.sums import ClickHouseSums
from tallygate.stream_processors.store import Placed
from tallygate.stream_processors.tokens import TokenCounter
from tests.stream_processors.rules.books import book, rule
from tests.support import factories
from tests.support.chdb_engine import migrated_target
from tests.support.outboxes import FilledOutbox

PRICER = Pricer(counter=TokenCounter(load=False))
BOOK = book(rule(project="acme", group_by="user", limit=10**12), time_zones={"acme": "Asia/Kolkata"})
CALLS = 30


class Place:
    """Two edges' outboxes, which the core has taken in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state.db"
        self.target: EmbeddedTarget = migrated_target()
        self.session: Session = connect(self.target)
        self.accounts = Accounts(self.target, directory / "outbox", self.state, BOOK.time_zone)
        for index in range(2):
            self.fill(index)
        self.process()

    def fill(self, index: int) -> None:
        outbox = FilledOutbox(self.directory / "outbox", index)
        for number in range(CALLS // 2):
            at_us = now_us() - number * 7_000_000
            outbox.add(factories.request_event())
            outbox.add(_event(number, at_us))
        outbox.writer.append(RESPONSES.code, b"key", b"no event")
        outbox.close()

    def process(self) -> None:
        stop = threading.Event()
        stop.set()
        store, past = ClickHouseStore(self.target), ClickHouseSums(self.target, where)
        EmbeddedRunner(
            self.directory / "outbox", self.state, store, PRICER, rules=lambda: BOOK, past=past
        ).run(stop)
        store.close()
        past.close()

    def rebuild(self, progress: Callable[[float], None] = lambda _done: None) -> int:
        return rebuild_totals(self.accounts, progress, now_us())

    def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """Totals, periods and marks as they are in the file, sketches in the order of their text."""
        with closing(sqlite3.connect(self.state)) as db:
            return {
                table: sorted(tuple(map(_ordered, row)) for row in db.execute(f"SELECT * FROM {table}"))
                for table in ("usage_totals", "usage_periods", "outboxes")
            }

    def rule_sums(self) -> list[tuple[str, int, int]]:
        return sorted(
            (each.group, each.requests, each.cost_nanos)
            for each in read_rule_totals(self.state)
            if each.progress is None
        )

    def damage(self, statement: str) -> None:
        with closing(sqlite3.connect(self.state)) as db, db:
            db.execute(statement)


def _event(number: int, at_us: int) -> ResponseEvent:
    """Calls of every kind that totals tell apart."""
    fields: dict[str, Any] = {
        "project": ("acme", "default")[number % 2],
        "session_id": f"s{number % 3}",
        "key_id": "key_1",
        "received_at_us": at_us,
        "ended_at_us": at_us + 900_000,
        "latency_us": 900_000 + number,
        "properties": {"Workflow": "Plan", "STEP": f"step-{number % 2}", "empty": ""},
    }
    if number % 5 == 1:
        limited = Attempt(provider="openai", status=429, started_at_us=at_us)
        fields |= {"outcome": Outcome.TIMEOUT, "status": 504, "ttft_us": None, "attempts": (limited,)}
    elif number % 5 == 2:
        fields |= {"provider": "nobody", "model": "", "model_requested": "none"}
    elif number % 5 == 3:
        fields |= {"outcome": Outcome.CLIENT_CANCELLED, "status": 499}
    return factories.response_event(**fields)


def _ordered(value: Any) -> Any:
    """A sketch's text in one order of its buckets."""
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(json.loads(value), sort_keys=True)
    return value


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(StoredCalls.__init__, "__defaults__", (7,))  # so that there are many pages
    return Place(tmp_path)


DAMAGES = (
    "UPDATE usage_totals SET requests = 1, cost_nanos = 5 WHERE dimension = 'project'",
    "DELETE FROM usage_totals WHERE project = 'acme'",
    "DELETE FROM usage_periods",
    "UPDATE usage_totals SET value = value || '2'",
    "DELETE FROM outboxes",
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_totals_become_what_was_counted(place: Place, damage: str) -> None:
    counted, by_rules = place.books(), place.rule_sums()
    assert by_rules
    place.damage(damage)
    assert place.books() != counted
    done: list[float] = []
    assert place.rebuild(done.append) == CALLS
    assert len(done) > 2
    assert (done == sorted(done), done[-1]) == (True, 1.0)
    rebuilt = place.books()
    for table in ("usage_totals", "usage_periods"):
        assert rebuilt[table] == counted[table]
    assert not place.rule_sums()
    assert not compare(place.accounts).differences
    place.process()  # from the beginning, where positions were lost
    assert place.books() == counted
    assert place.rule_sums() == by_rules


def test_a_state_that_was_lost_is_made_again(place: Place) -> None:
    counted, by_rules = place.books(), place.rule_sums()
    for path in place.directory.glob("state.db*"):
        path.unlink()
    assert compare(place.accounts).lost
    assert not place.state.exists()
    place.rebuild()
    place.process()
    assert place.books() == counted
    assert place.rule_sums() == by_rules


def test_the_runner_goes_on_from_there(place: Place, tmp_path: Path) -> None:
    place.damage("UPDATE usage_totals SET requests = 1000")
    place.rebuild()
    place.fill(2)
    place.process()
    counted, by_rules = place.books(), place.rule_sums()
    assert not compare(place.accounts).differences
    place.rebuild()
    assert place.books() == counted
    place.process()
    assert place.rule_sums() == by_rules


def test_cut_off_it_changes_nothing(place: Place) -> None:
    place.damage("UPDATE usage_totals SET requests = 1000")
    damaged, by_rules = place.books(), place.rule_sums()

    def fail(done: float) -> None:
        if done > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.rebuild(fail)
    assert (place.books(), place.rule_sums()) == (damaged, by_rules)


def test_killed_it_changes_nothing(place: Place) -> None:
    damaged = place.books()
    at_work = (
        "import os, sys; from pathlib import Path\n"
        "from tallygate.stream_processors.embedded import RunnerState\n"
        "from tallygate.stream_processors.usage import Deltas\n"
        "state = RunnerState(Path(sys.argv[1]))\n"
        "with state.replacing_totals({'other': 7}, 0) as add:\n"
        "    add(Deltas(lambda _project: 'UTC', 0)); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", at_work, str(place.state)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert place.books() == damaged


def test_a_store_that_holds_less_is_told(place: Place) -> None:
    place.session.command(
        "DELETE FROM call_log WHERE project = 'acme' AND origin_seq = (SELECT min(origin_seq) FROM call_log)"
    )
    compared = compare(place.accounts)
    assert compared.poorer == "it holds fewer calls of acme"
    assert compared.differences
    place.session.command("TRUNCATE TABLE call_log")
    assert "behind in 2 stream(s)" in compare(place.accounts).poorer


def test_calls_of_other_edges_are_left_out(place: Place) -> None:
    counted = place.books()
    store = ClickHouseStore(place.target)
    other = factories.call(origin=Origin(edge_id="elsewhere", seq=3))
    store.insert_calls(PARTITION, [Placed(3, other)])
    store.close()
    assert place.rebuild() == CALLS
    assert place.books() == counted
