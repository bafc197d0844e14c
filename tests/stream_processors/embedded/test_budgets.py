"""Budgets in the embedded runner: from an outbox to an alert, an edge that blocks and a row for people."""

import threading
import time
from pathlib import Path

import pytest

from tallygate.edge.budget.gate import Blocked, BudgetCall, MemoryBudgetGate
from tallygate.edge.budget.state_file import BudgetFile
from tallygate.schemas.records import Alert
from tallygate.schemas.rules import Rule, RuleBook
from tallygate.stream_processors.embedded import EmbeddedRunner, RunnerOptions
from tallygate.stream_processors.embedded.alerts import read_alerts
from tallygate.stream_processors.embedded.read import reading
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.stream_processors.embedded.stores import FileStore
from tests.stream_processors.rules.books import book, rule
from tests.support import factories
from tests.support.outboxes import FilledOutbox
from tests.support.wait import eventually_sync

COST = 12 * 150 + 5 * 600
"""Of the factory's call, in nano-dollars."""
PRICER = Pricer(counter=TokenCounter(load=False))
QUICK = RunnerOptions(poll_s=0.01, first_retry_s=0.01, last_retry_s=0.05, drain_s=5)


class System:
    """An outbox, the runner's state and store, and an edge's gate."""

    def __init__(self, directory: Path, *rules: Rule) -> None:
        self.directory = directory
        self.book = book(*rules)
        self.store = FileStore(directory / "store.db")
        self.outbox = FilledOutbox(directory / "outbox")
        self.gate = MemoryBudgetGate()
        self.file = BudgetFile(directory / "budgets.json", self.gate)

    def rules(self) -> RuleBook:
        return self.book

    def runner(self) -> EmbeddedRunner:
        return EmbeddedRunner(
            self.directory / "outbox",
            self.directory / "state.db",
            self.store,
            PRICER,
            QUICK,
            self.rules,
            budgets_file=self.directory / "budgets.json",
        )

    def call(self, count: int = 1, **fields: object) -> None:
        for _ in range(count):
            self.outbox.add(factories.response_event(received_at_us=time.time_ns() // 1000, **fields))

    def run_over(self) -> None:
        """Run once over what there is."""
        stop = threading.Event()
        stop.set()
        self.runner().run(stop)

    def alerts(self) -> list[Alert]:
        with reading(self.directory / "state.db") as db:
            return [each.alert for each in read_alerts(db)]

    def blocks(self, **labels: str) -> bool:
        self.file.look()
        call = BudgetCall("default", **labels)  # type: ignore[arg-type]
        return isinstance(self.gate.check(call, time.time_ns() // 1000), Blocked)


def budget(**fields: object) -> Rule:
    """Ten calls a month, which neither midnight nor the end of an hour is likely to cut in two."""
    given = {
        "metric": "cost",
        "limit": 10 * COST,
        "action": "block",
        "window": {"kind": "calendar", "period": "month"},
    }
    return rule("budget", **(given | fields))


def test_the_call_that_crosses_is_told_of_once_blocks_and_is_in_the_store(tmp_path: Path) -> None:
    system = System(tmp_path, budget())
    system.call(9)
    system.run_over()
    assert system.alerts() == []
    assert not system.blocks()
    system.call()
    system.run_over()
    (alert,) = system.alerts()
    assert (alert.state, alert.value, alert.budget_id) == ("firing", 10 * COST, "budget")
    assert system.blocks()
    assert [edge for edge, _, _ in system.store.rows("alert")] == [alert.alert_id]
    system.call(5)
    for _ in range(3):  # a restart changes nothing
        system.run_over()
    assert system.alerts() == [alert]
    assert len(system.store.rows("alert")) == 1
    assert system.blocks()


def test_each_user_has_a_budget_of_their_own(tmp_path: Path) -> None:
    system = System(tmp_path, budget(group_by="user"))
    system.call(10, user_id="ada")
    system.call(9, user_id="bob")
    system.run_over()
    assert [alert.group for alert in system.alerts()] == ["ada"]
    assert system.blocks(user_id="ada")
    assert not system.blocks(user_id="bob")


def test_a_block_is_in_force_within_a_second_while_it_runs(tmp_path: Path) -> None:
    system = System(tmp_path, budget())
    stop = threading.Event()
    thread = threading.Thread(target=system.runner().run, args=(stop,))
    thread.start()
    try:
        system.call(9)
        eventually_sync(lambda: len(system.store.rows("call")) == 9)
        assert not system.blocks()
        begun_s = time.monotonic()
        system.call()
        eventually_sync(system.blocks, every_s=0.01)
        assert time.monotonic() - begun_s < 1.0
        # A limit that is raised lets calls through again; one that is lowered stops them.
        system.book = book(budget(limit=20 * COST, revision=2), version=2)
        eventually_sync(lambda: not system.blocks())
        system.book = book(budget(limit=5 * COST, revision=3), version=3)
        eventually_sync(system.blocks)
        system.book = book(version=4)
        eventually_sync(lambda: not system.blocks())
    finally:
        stop.set()
        thread.join(15)
    assert [alert.state for alert in system.alerts()] == ["firing", "resolved", "firing"]


def test_alerts_wait_for_the_store_and_nothing_waits_for_them(tmp_path: Path) -> None:
    system = System(tmp_path, budget())
    system.call(10)
    failing = system.store.insert_alerts
    system.store.insert_alerts = _refusing  # type: ignore[method-assign,assignment]
    system.run_over()
    assert system.blocks()
    assert system.store.rows("alert") == []
    system.store.insert_alerts = failing  # type: ignore[method-assign]
    system.run_over()
    assert len(system.store.rows("alert")) == 1


def test_the_file_is_written_anew_if_it_is_lost(tmp_path: Path) -> None:
    system = System(tmp_path, budget())
    system.call(10)
    system.run_over()
    (tmp_path / "budgets.json").unlink()
    system.run_over()
    assert system.blocks()


def test_a_file_that_cannot_be_written_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    system = System(tmp_path, budget())
    system.call(10)
    (tmp_path / "budgets.json").mkdir()
    stop = threading.Event()
    thread = threading.Thread(target=system.runner().run, args=(stop,))
    thread.start()
    eventually_sync(lambda: "budgets for the edges" in caplog.text)
    (tmp_path / "budgets.json").rmdir()
    eventually_sync(system.blocks)
    stop.set()
    thread.join(15)
    assert len(system.alerts()) == 1


def _refusing(_alerts: object) -> None:
    from tallygate.stream_processors.errors import StoreUnavailableError

    raise StoreUnavailableError("down")
