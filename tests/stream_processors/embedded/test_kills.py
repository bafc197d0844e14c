"""`kill -9` of a process that runs the embedded runner, at moments of chance."""

import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from tallygate.edge.budget.gate import MemoryBudgetGate
from tallygate.edge.budget.state_file import BudgetFile
from tallygate.edge.outbox.writer import OutboxLimits
from tallygate.stream_processors.embedded import read_rule_totals, read_totals
from tallygate.stream_processors.embedded.alerts import read_alerts
from tallygate.stream_processors.embedded.read import reading
from tests.stream_processors.embedded.process import RULES, STEPS
from tests.stream_processors.embedded.stores import FileStore
from tests.support import factories
from tests.support.outboxes import FilledOutbox
from tests.support.processes import Started
from tests.support.wait import eventually_sync

KILLS = 10
COST = 12 * 150 + 5 * 600


def _writing(filled: list[FilledOutbox], stop: threading.Event) -> threading.Thread:
    """Two edges that go on writing while the process is killed."""

    def write() -> None:
        while not stop.wait(0.001):
            for one in filled:
                one.add(factories.request_event())
                one.add(factories.response_event(received_at_us=time.time_ns() // 1000))

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_every_call_counts_once_whenever_it_is_killed(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    store = FileStore(tmp_path / "store.db")
    limits = OutboxLimits(segment_bytes=64 * 1024)
    filled = [FilledOutbox(tmp_path / "outbox", index, limits) for index in (0, 1)]
    command = [sys.executable, "-m", "tests.stream_processors.embedded.process", str(tmp_path)]
    stop = threading.Event()
    writer = _writing(filled, stop)
    try:
        for kill in range(KILLS):
            if kill % 3 == 0:  # in the middle of it, a rule that needs what was counted before
                (tmp_path / f"{RULES[kill // 3 % len(RULES)].rule_id}.rule").touch()
            process = Started(command, {}, tmp_path / "process.log")
            had = len(store.rows("call"))
            eventually_sync(lambda had=had: len(store.rows("call")) > had)  # type: ignore[misc]
            threading.Event().wait(chance.uniform(0, 0.15))
            assert process.exit_code is None, process.tail()
            process.kill()
    finally:
        stop.set()
        writer.join()

    process = Started(command, {}, tmp_path / "process.log")
    written = sorted((r.origin.edge_id, r.origin.seq, COST) for one in filled for r in one.responses)
    eventually_sync(lambda: len(store.rows("call")) >= len(written))
    assert process.stop() == 0, process.tail()

    assert sorted(store.rows("call")) == written
    assert len(store.rows("request")) == len(set(store.rows("request"))) == len(written)
    totals = read_totals(tmp_path / "state.db")
    for dimension in ("project", "user", "model", "provider", "property"):
        of_dimension = [total for total in totals if total.dimension == dimension]
        assert sum(total.requests for total in of_dimension) == len(written)
        assert sum(total.cost_nanos for total in of_dimension) == COST * len(written)
        months = [period for total in of_dimension for period in total.periods if period.period == "month"]
        assert sum(month.requests for month in months) == len(written)
    lines = [line for line in read_rule_totals(tmp_path / "state.db") if line.progress is None]
    counted = {one.rule_id: [line for line in lines if line.rule_id == one.rule_id] for one in RULES}
    assert {rule_id: sum(line.requests for line in held) for rule_id, held in counted.items()} == {
        one.rule_id: len(written) for one in RULES
    }
    assert sum(line.cost_nanos for line in counted["spend"]) == COST * len(written)
    assert sum(sum(line.latency_sketch.values()) for line in counted["users"]) == len(written)
    users = Counter(response.user_id for one in filled for response in one.responses)
    assert {line.group: line.requests for line in counted["users"]} == users
    _assert_each_step_told_once(tmp_path, store, len(written))


def _assert_each_step_told_once(directory: Path, store: FileStore, calls: int) -> None:
    with reading(directory / "state.db") as db:
        found = [each.alert for each in read_alerts(db, limit=1000)]
    alerts = [alert for alert in found if alert.budget_id == STEPS.rule_id]
    expected = [percent for percent in range(1, 101) if calls * 100 >= percent * STEPS.limit]
    assert expected
    assert [alert.threshold_percent for alert in alerts] == expected
    assert sorted(edge for edge, _, _ in store.rows("alert")) == sorted(alert.alert_id for alert in found)
    gate = MemoryBudgetGate()
    assert BudgetFile(directory / "budgets.json", gate).look()
    assert len(gate) == (1 if calls >= STEPS.limit else 0)
