"""Totals by period and the rules' sums: exact through restarts, new rules and states of an older release."""

import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

from tallygate.schemas.call import Outcome
from tallygate.schemas.rules import Rule, RuleBook
from tallygate.schemas.totals import PeriodSums, RuleTotals
from tallygate.stream_processors.embedded import (
    EmbeddedRunner,
    RunnerOptions,
    RunnerState,
    read_rule_totals,
    read_totals,
)
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.stream_processors.embedded.past import FilePast
from tests.stream_processors.embedded.stores import FileStore
from tests.stream_processors.rules.books import book, rule
from tests.support.factories import response_event
from tests.support.outboxes import FilledOutbox

COST = 12 * 150 + 5 * 600
DAY_US = 86_400_000_000
PRICER = Pricer(counter=TokenCounter(load=False))


class System:
    """An outbox, a state, and runs over them; the rules can change between runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = FileStore(directory / "store.db")
        self.past = FilePast(directory / "store.db")
        self.outbox = FilledOutbox(directory / "outbox")
        self.rules = RuleBook()

    def add(self, calls: int, **fields: object) -> None:
        """Calls of now."""
        now_us = time.time_ns() // 1000
        self.outbox.add_all(response_event(received_at_us=now_us, **fields) for _ in range(calls))

    def run(self, *rules: Rule, version: int = 1) -> EmbeddedRunner:
        """Take what is in the outbox."""
        self.rules = book(*rules, version=version)
        options = RunnerOptions(poll_s=0.001, drain_s=20, batch_bytes=1, backfill_retry_s=0)
        state = self.directory / "state.db"
        runner = EmbeddedRunner(
            self.directory / "outbox", state, self.store, PRICER, options, lambda: self.rules, self.past
        )
        stop = threading.Event()
        stop.set()
        runner.run(stop)
        return runner

    def lines(self, rule_id: str = "rule_1") -> list[RuleTotals]:
        """What a rule has counted."""
        found = read_rule_totals(self.directory / "state.db")
        return [line for line in found if line.rule_id == rule_id]

    def counted(self, rule_id: str = "rule_1") -> dict[str, int]:
        """Requests by group."""
        groups: Counter[str] = Counter()
        for line in self.lines(rule_id):
            if line.progress is None:
                groups[line.group] += line.requests
        return dict(groups)


def test_totals_have_the_periods_of_the_project_s_time_zone(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.add(3, user_id="ada", latency_us=2_000_000)
    system.add(2, user_id="ada", outcome=Outcome.CLIENT_CANCELLED)
    system.outbox.add(response_event(received_at_us=time.time_ns() // 1000 - 400 * DAY_US))
    system.rules = book(time_zones={"default": "Asia/Kolkata"})
    system.run()
    (user,) = [t for t in read_totals(tmp_path / "state.db") if t.value == "ada"]
    assert (user.requests, user.cancelled, user.errors, sum(user.latency_sketch.values())) == (5, 2, 0, 5)
    assert {each.period: (each.requests, each.cost_nanos) for each in user.periods} == dict.fromkeys(
        ("hour", "day", "week", "month"), (5, 5 * COST)
    )
    (project,) = [t for t in read_totals(tmp_path / "state.db") if t.dimension == "project"]
    assert project.requests == 6
    assert {each.requests for each in project.periods} == {5}, "what is long over has no period here"


def test_time_zones_decide(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.add(1)
    system.rules = RuleBook(version=1, time_zones={"default": "Asia/Kolkata"})
    runner = EmbeddedRunner(
        tmp_path / "outbox", tmp_path / "state.db", system.store, PRICER, rules=lambda: system.rules
    )
    stop = threading.Event()
    stop.set()
    runner.run(stop)
    (project,) = [t for t in read_totals(tmp_path / "state.db") if t.dimension == "project"]
    days = [each.start_us for each in project.periods if each.period == "day"]
    assert [start % DAY_US for start in days] == [(24 * 60 - 330) * 60_000_000]


def test_rules_count_and_a_new_one_gets_what_was_before(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.add(7, user_id="ada")
    system.run()
    system.add(3, user_id="bob")
    system.run(rule(group_by="user"))
    assert system.counted() == {"ada": 7, "bob": 3}
    system.add(2, user_id="ada")
    system.run(rule(group_by="user"), rule("rule_2", filter={"field": "user_id", "op": "eq", "value": "bob"}))
    assert system.counted() == {"ada": 9, "bob": 3}
    assert system.counted("rule_2") == {"": 3}
    assert system.past.asked == 2
    for line in system.lines():
        assert (
            line.progress is None
            or line.progress.applied == {system.outbox.writer.edge_id: system.outbox.responses[-1].origin.seq}
            or line.progress.backfilled
        )


def test_a_store_that_can_t_tell_yet_is_asked_later_and_the_stream_goes_on(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.add(7, user_id="ada")
    system.run()
    system.past.down = True
    system.add(3, user_id="ada")
    system.run(rule())
    assert system.counted() == {"": 3}
    assert [line.progress.backfilled for line in system.lines() if line.progress] == [False]
    system.past.down = False
    system.run(rule())
    assert system.counted() == {"": 10}
    assert [line.progress.backfilled for line in system.lines() if line.progress] == [True]


def test_a_rule_that_is_gone_leaves_nothing(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.add(1)
    system.run(rule(), rule("rule_2"))
    system.run(rule("rule_2"), version=2)
    assert system.lines() == []
    assert system.counted("rule_2") == {"": 1}


def test_a_state_of_the_first_version_goes_on(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.add(4, user_id="ada")
    system.run()
    _as_version_1(tmp_path / "state.db")
    system.add(2, user_id="ada")
    system.run(rule())
    (user,) = [total for total in read_totals(tmp_path / "state.db") if total.value == "ada"]
    assert (user.requests, user.cost_nanos) == (6, 6 * COST)
    assert system.counted() == {"": 6}


def test_what_is_too_old_is_dropped(tmp_path: Path) -> None:
    system = System(tmp_path)
    system.add(1, session_id="s1")
    system.run()
    state = RunnerState(tmp_path / "state.db")
    now_us = time.time_ns() // 1000
    state.prune(now_us)
    assert _periods(tmp_path) == {"hour", "day", "week", "month"}
    state.prune(now_us + 32 * DAY_US)
    assert _periods(tmp_path) == {"month"}
    assert "session" not in {total.dimension for total in read_totals(tmp_path / "state.db")}
    state.prune(now_us + 100 * DAY_US)
    assert _periods(tmp_path) == set()
    state.close()


def _periods(directory: Path) -> set[str]:
    periods: list[PeriodSums] = [
        period for total in read_totals(directory / "state.db") for period in total.periods
    ]
    return {each.period for each in periods}


def _as_version_1(path: Path) -> None:
    """Make a state what the first release wrote."""
    old = ["requests", "errors", "unpriced", "input_tokens", "output_tokens", "cached_input_tokens"]
    old += ["cache_write_tokens", "reasoning_tokens", "input_audio_tokens", "output_audio_tokens"]
    old += ["cost_nanos", "latency_us"]
    db = sqlite3.connect(path, isolation_level=None)
    key = "project, dimension, name, value"
    db.execute("ALTER TABLE usage_totals RENAME TO later")
    columns = ", ".join(f"{name} TEXT NOT NULL" for name in key.split(", "))
    columns += ", " + ", ".join(f"{name} INTEGER NOT NULL" for name in [*old, "last_seen_us"])
    db.execute(f"CREATE TABLE usage_totals ({columns}, PRIMARY KEY ({key})) STRICT, WITHOUT ROWID")
    db.execute(f"INSERT INTO usage_totals SELECT {key}, {', '.join(old)}, last_seen_us FROM later")
    for table in ("later", "usage_periods", "rule_totals"):
        db.execute(f"DROP TABLE {table}")
    db.execute("UPDATE runner_version SET version = 1")
    db.close()
