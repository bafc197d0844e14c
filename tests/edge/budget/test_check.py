"""Budgets on calls through an edge, and the file that they come from."""

from pathlib import Path

import anthropic
import openai
import pytest

from tallygate.edge.budget import state_file
from tallygate.edge.budget.gate import Allowed, Blocked, BudgetCall, MemoryBudgetGate, Scope
from tallygate.edge.budget.state_file import BudgetFile, BudgetFileWriter
from tests.support.budgets import budget_state
from tests.support.controlled_edge import controlled_edge
from tests.support.provider import answering, http

ALL = BudgetCall("default")


async def test_the_sdks_get_402_in_their_own_shape(tmp_path: Path) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [budget_state()])
    async with controlled_edge(tmp_path, answering(http())) as edge:
        async with openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="x", max_retries=0) as client:
            with pytest.raises(openai.APIStatusError) as caught:
                await client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": "Hi"}]
                )
            assert (caught.value.status_code, caught.value.code) == (402, "budget_exceeded")
        async with anthropic.AsyncAnthropic(base_url=edge.url, api_key="x", max_retries=0) as other:
            with pytest.raises(anthropic.APIStatusError) as seen:
                await other.messages.create(
                    model="claude-test", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
                )
            assert seen.value.status_code == 402
            assert isinstance(seen.value.body, dict)
            assert seen.value.body["error"]["code"] == "budget_exceeded"
            assert "'October'" in seen.value.body["error"]["message"]
        assert not edge.provider.received
        assert [(event.status, event.outcome, event.error_code) for event in edge.responses()] == [
            (402, "rejected", "budget_exceeded")
        ] * 2
        async with edge.client.get(edge.url + "/metrics") as response:
            assert 'tallygate_edge_budget_refused_total{worker="0"} 2.0' in await response.text()


async def test_a_budget_that_only_warns_says_so(tmp_path: Path) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [budget_state(action="warn")])
    async with controlled_edge(tmp_path, answering(http())) as edge:
        body = {"model": "gpt-4o", "messages": []}
        async with edge.client.post(edge.url + "/v1/chat/completions", json=body) as response:
            assert response.status == 200
            assert response.headers["Tallygate-Budget-Warning"] == "b1"


@pytest.mark.parametrize(
    ("scope", "model", "status"),
    [
        (Scope("model", "gpt-4o"), "gpt-4o", 402),
        (Scope("model", "gpt-4o"), "openai/gpt-4o", 402),
        (Scope("model", "gpt-4o"), "gpt-4o-mini", 200),
        (Scope("provider", "openai"), "gpt-4o", 402),
        (Scope("provider", "anthropic"), "gpt-4o", 200),
    ],
)
async def test_budgets_of_model_and_provider(tmp_path: Path, scope: Scope, model: str, status: int) -> None:
    state_file.write(tmp_path / "budgets.json", 1, [budget_state(scope)])
    async with controlled_edge(tmp_path, answering(http())) as edge:
        assert (await edge.post("/v1/chat/completions", {"model": model, "messages": []}))[0] == status


def test_the_file_is_taken_when_it_changes(tmp_path: Path) -> None:
    path, gate = tmp_path / "budgets.json", MemoryBudgetGate()
    watched = BudgetFile(path, gate)
    assert not watched.look()
    state_file.write(path, 1, [budget_state()])
    assert watched.look()
    assert not watched.look()
    assert isinstance(gate.check(ALL, 0), Blocked)
    state_file.write(path, 2, [])
    assert watched.look()
    assert isinstance(gate.check(ALL, 0), Allowed)
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_goes_on_above_what_is_there_though_the_clock_is_put_back(tmp_path: Path) -> None:
    path, gate = tmp_path / "budgets.json", MemoryBudgetGate()
    watched = BudgetFile(path, gate)
    BudgetFileWriter(path).write([], 1_000)
    assert watched.look()
    writer = BudgetFileWriter(path)
    for _ in range(2):
        writer.write([budget_state()], 5)
        assert watched.look()
    assert isinstance(gate.check(ALL, 0), Blocked)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 9}', '{"version": 9, "states": [{}]}', "\udcff"]
)
def test_a_bad_file_changes_nothing(tmp_path: Path, text: str) -> None:
    path, gate = tmp_path / "budgets.json", MemoryBudgetGate()
    watched = BudgetFile(path, gate)
    state_file.write(path, 1, [budget_state()])
    assert watched.look()
    path.write_text(text, errors="surrogateescape")
    assert not watched.look()
    path.unlink()
    assert not watched.look()
    assert isinstance(gate.check(ALL, 0), Blocked)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    states = [
        budget_state(Scope("property", "growth", "team"), version=7),
        budget_state(Scope("user", "zoë"), spent=1, action="warn"),
    ]
    path, gate = tmp_path / "budgets.json", MemoryBudgetGate()
    state_file.write(path, 1, states)
    BudgetFile(path, gate).look()
    verdict = gate.check(BudgetCall("default", user_id="zoë", properties={"Team": "growth"}), 0)
    assert isinstance(verdict, Blocked)
    assert verdict.budget == states[0]
    assert len(gate) == 2
