"""How rules stand, through `GET /api/v1/budgets`: over the runner's state file, and without one."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tallygate.infra.standing import EmbeddedLedger, stand
from tallygate.schemas.codec import encode
from tallygate.schemas.records import Firing, RuleState
from tallygate.schemas.rules import Rule, RuleBook, by_project
from tallygate.schemas.totals import RuleProgress, RuleTotals
from tallygate.stream_processors.embedded.state import RunnerState
from tests.stream_processors.budgets.sums import USD, rule, totals
from tests.support.api import running_api


def now_us() -> int:
    return time.time_ns() // 1000


def fired(of: Rule, group: str) -> RuleState:
    firing = Firing(alert_id="a", percent=50, threshold=of.limit // 2, episode_us=1, period_end_us=2)
    return RuleState(
        project=of.project,
        rule_id=of.rule_id,
        counting_revision=of.counting_revision,
        group=group,
        firings=(firing,),
    )


def state_with(path: Path, sums: list[RuleTotals], states: list[RuleState]) -> Path:
    """A runner's state file that holds these."""
    RunnerState(path).close()
    with sqlite3.connect(path) as db:
        rows = [
            (one.project, one.rule_id, 1, one.group, one.bucket_start_us, encode(one).decode())
            for one in sums
        ]
        db.executemany("INSERT INTO rule_totals VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.executemany(
            "INSERT INTO rule_states VALUES (?, ?, ?)",
            [(one.rule_id, one.group, encode(one).decode()) for one in states],
        )
    db.close()
    return path


async def test_budgets_are_told_group_by_group_and_of_one_project(tmp_path: Path) -> None:
    daily, other = rule(group_by="user"), rule(rule_id="rule_2", project="other")
    sums = [
        totals(daily, now_us(), group="ada", cost_nanos=90 * USD, requests=3),
        totals(daily, now_us(), group="bob", cost_nanos=10 * USD),
        totals(other, now_us(), cost_nanos=5 * USD),
    ]
    state = state_with(tmp_path / "state.db", sums, [fired(daily, "ada")])
    book = RuleBook(rules=by_project([daily, other]))
    async with running_api(ledger=EmbeddedLedger(lambda: book, state)) as api:
        (told,) = (await api.get("/api/v1/budgets"))["budgets"]
        cut = (await api.get("/api/v1/budgets", ("groups", "1")))["budgets"][0]
        none = (await api.get("/api/v1/budgets", ("rule", "rule_2")))["budgets"]
        for name, value in (("groups", "0"), ("groups", "x"), ("group", "ada"), ("rule", "r" * 65)):
            error = await api.get("/api/v1/budgets", (name, value), status=400)
            assert error["error"]["param"] == name
    assert told["rule"] == daily.model_dump(mode="json")
    assert (told["state"], told["groups_total"]) == ("firing", 2)
    ada, bob = told["groups"]
    assert (ada["group"], ada["value"], ada["percent"], ada["requests"]) == ("ada", 90 * USD, 90.0, 3)
    assert (ada["firing"], bob["firing"]) == ([50], [])
    assert ada["period_start"] < ada["period_end"]
    assert ([one["group"] for one in cut["groups"]], cut["groups_total"]) == (["ada"], 2)
    assert none == []


@pytest.mark.parametrize("ledger", ["none", "no state"])
async def test_sums_that_can_not_be_read_are_no_empty_list(tmp_path: Path, ledger: str) -> None:
    book = RuleBook(rules=by_project([rule()]))
    given: dict[str, Any] = {"ledger": EmbeddedLedger(lambda: book, tmp_path / "state.db")}
    async with running_api(**({} if ledger == "none" else given)) as api:
        answer = await api.get("/api/v1/budgets", status=503)
    assert answer["error"]["code"] == "not_ready"
    assert not (tmp_path / "state.db").exists()


def test_a_rule_that_is_counted_from_before_is_pending() -> None:
    of = rule()
    progress = RuleProgress(since_us=now_us())
    assert [one.state for one in stand([of], [totals(of, progress=progress)], [])] == ["pending"]
    assert [one.state for one in stand([of], [totals(of, progress=progress)], [fired(of, "")])] == ["firing"]
    assert [one.state for one in stand([of], [], [])] == ["ok"]
