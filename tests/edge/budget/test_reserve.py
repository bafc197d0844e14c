"""Budgets with reservation on calls through an edge, with prices of the test."""

from pathlib import Path
from typing import Any

import pytest

from tallygate.control.snapshot import Snapshot
from tallygate.edge.budget import state_file
from tallygate.edge.budget.gate import Scope
from tallygate.edge.budget.worst import PlannedCall
from tallygate.edge.limits.meter import Amounts
from tallygate.schemas.periods import period_of
from tallygate.schemas.records import BudgetState
from tallygate.schemas.rules import Rule, RuleBook
from tests.support.budgets import budget_state
from tests.support.controlled_edge import controlled_edge
from tests.support.provider import answering, http
from tests.support.wait import eventually

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}


class Prices:
    """Each call may cost `worst`, and costs `cost`."""

    def __init__(self, worst: int | None = 40, cost: int = 10) -> None:
        self.answer = worst
        self.cost = cost
        self.known = True
        self.asked: list[PlannedCall] = []

    async def worst(self, planned: PlannedCall) -> int | None:
        self.asked.append(planned)
        return self.answer

    async def measure(self, event: object) -> Amounts:
        return Amounts(0, self.cost, self.known)


def budget(**fields: Any) -> Snapshot:
    """A budget of a hundred a day."""
    given: dict[str, Any] = {
        "rule_id": "rule_1",
        "project": "default",
        "name": "Hard",
        "metric": "cost",
        "limit": 100,
        "action": "block",
        "reserve": True,
        "created_at_us": 1,
    }
    rule = Rule(**(given | fields))
    return Snapshot(rule_book=RuleBook(version=1, rules={"default": (rule,)}))


def spent(nanos: int, now_us: int, scope: Scope = Scope(), **fields: Any) -> BudgetState:  # noqa: B008
    day = period_of("day", "UTC", now_us)
    return budget_state(
        scope,
        budget_id="rule_1",
        limit=100,
        spent=nanos,
        period_start_us=day.start_us,
        period_end_us=day.end_us,
        **fields,
    )


async def test_calls_are_let_through_while_their_worst_case_fits(tmp_path: Path) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [])
    prices = Prices(worst=40, cost=10)
    async with controlled_edge(tmp_path, answering(http()), prices, budget(), prices) as edge:

        async def passes() -> bool:
            return (await edge.post(CHAT, BODY))[0] == 200

        for _ in range(7):  # what was set aside for one becomes what it cost, in a moment
            await eventually(passes)
        statuses = []
        for _ in range(3):
            status, answer = await edge.post(CHAT, BODY)
            statuses.append(status)
        assert statuses == [402, 402, 402]
        assert b"'Hard' has $0.00000003 left until" in answer
        assert b"may cost up to $0.00000004." in answer
        (planned, *_) = prices.asked
        assert (planned.endpoint, planned.stops) == ("chat/completions", (("openai", "gpt-4o"),))
        assert planned.bounds is not None
        assert planned.bounds.output_tokens == 5


async def test_what_is_counted_is_no_longer_set_aside(tmp_path: Path) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [])
    prices = Prices(worst=90, cost=90)
    async with controlled_edge(tmp_path, answering(http()), prices, budget(), prices) as edge:
        assert (await edge.post(CHAT, BODY))[0] == 200
        (event,) = edge.responses()
        assert (await edge.post(CHAT, BODY))[0] == 402
        origin = event.origin
        # It turned out to cost less than the edge thought.
        marks = {f"0/{origin.edge_id}": origin.seq}
        said = spent(5, event.received_at_us, applied=marks, version=2)
        state_file.write(tmp_path / "budgets.json", 2, [said])

        async def passes() -> bool:
            return (await edge.post(CHAT, BODY))[0] == 200

        await eventually(passes)


@pytest.mark.parametrize(
    ("fields", "user", "status"),
    [
        ({"group_by": "user"}, "ada", 402),
        ({"group_by": "user"}, "bob", 200),
        ({"group_by": "user"}, "", 200),
        ({"filter": {"field": "user_id", "op": "eq", "value": "ada"}}, "ada", 402),
        ({"filter": {"field": "user_id", "op": "eq", "value": "ada"}}, "bob", 200),
        ({"reserve": False}, "ada", 200),
    ],
)
async def test_a_budget_is_asked_by_the_calls_that_it_is_about(
    tmp_path: Path, fields: dict[str, Any], user: str, status: int
) -> None:
    import time

    known = spent(90, time.time_ns() // 1000, Scope("user", "ada"))
    state_file.write(tmp_path / "budgets.json", 1, [known])
    prices = Prices(worst=20, cost=20)
    async with controlled_edge(tmp_path, answering(http()), prices, budget(**fields), prices) as edge:
        headers = {"Tallygate-User-Id": user} if user else {}
        assert (await edge.post(CHAT, BODY, headers=headers))[0] == status


async def test_without_a_worst_case_a_call_is_refused_with_the_reason(tmp_path: Path) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [])
    prices = Prices(worst=None)
    async with controlled_edge(tmp_path, answering(http()), prices, budget(), prices) as edge:
        status, answer = await edge.post(CHAT, BODY)
        assert status == 402
        assert b"its price is not known" in answer
        status, answer = await edge.post(CHAT, BODY | {"web_search_options": {}})
        assert status == 402
        assert b"tools that the provider runs" in answer
        body = {key: value for key, value in BODY.items() if key != "max_tokens"}
        status, answer = await edge.post(CHAT, body)
        assert b"max_tokens" in answer
        assert not edge.provider.received


async def test_an_edge_that_was_told_nothing_yet_lets_no_call_through(tmp_path: Path) -> None:
    prices = Prices()
    async with controlled_edge(tmp_path, answering(http()), prices, budget(), prices) as edge:
        status, answer = await edge.post(CHAT, BODY)
        assert status == 503
        assert b"budget_unavailable" in answer


async def test_a_call_that_cannot_be_measured_stays_held_at_its_worst(tmp_path: Path) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [])
    prices = Prices(worst=60, cost=0)
    prices.known = False
    async with controlled_edge(tmp_path, answering(http()), prices, budget(), prices) as edge:
        assert (await edge.post(CHAT, BODY))[0] == 200
        assert (await edge.post(CHAT, BODY))[0] == 402


async def test_realtime_calls_have_no_worst_case(tmp_path: Path) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [])
    prices = Prices()
    async with controlled_edge(tmp_path, answering(http()), prices, budget(), prices) as edge:
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        async with edge.client.get(edge.url + "/v1/realtime?model=gpt-realtime", headers=headers) as answer:
            assert answer.status == 402
