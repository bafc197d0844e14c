import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.budget.gate import Allowed, Blocked, BudgetCall, MemoryBudgetGate, Scope
from tallygate.schemas.records import BudgetState
from tests.support.budgets import budget_state

END_US = 1_800_000_000_000_000
CALL = BudgetCall("p", key_id="k", user_id="u", model="m", provider="openai", properties={"Team": "red"})
MATCHING = [
    Scope(), Scope("key", "k"), Scope("user", "u"), Scope("model", "m"), Scope("provider", "openai"),
    Scope("property", "red", "team"),
]  # fmt: skip
OTHERS = [
    Scope("key", "other"), Scope("user", "k"), Scope("user", ""), Scope("property", "red", "squad"),
    Scope("property", "blue", "team"), Scope("model", "u"),
]  # fmt: skip


def state(
    scope: Scope = MATCHING[0], *, budget_id: str = "b", project: str = "p", spent: int = 100,
    action: str = "block", end_us: int = END_US, version: int = 0,
) -> BudgetState:  # fmt: skip
    return budget_state(
        scope,
        budget_id=budget_id,
        name="daily",
        project=project,
        limit=100,
        spent=spent,
        period_end_us=end_us,
        action=action,
        version=version,
    )


def scope_of(each: BudgetState) -> Scope:
    return Scope(each.scope, each.value, each.property_name)


def blocked(gate: MemoryBudgetGate, now_us: int = 0, call: BudgetCall = CALL) -> bool:
    return isinstance(gate.check(call, now_us), Blocked)


def test_without_budgets_everything_goes_through() -> None:
    assert MemoryBudgetGate().check(CALL, 0) == Allowed()


def test_blocks_at_the_limit_and_not_before() -> None:
    assert not blocked(MemoryBudgetGate([state(spent=99)]))
    assert blocked(MemoryBudgetGate([state(spent=100)]))


def test_every_label_of_a_call_is_a_scope() -> None:
    assert all(blocked(MemoryBudgetGate([state(scope)])) for scope in MATCHING)
    assert not any(blocked(MemoryBudgetGate([state(scope)])) for scope in OTHERS)
    assert not blocked(MemoryBudgetGate([state(project="q")]))


@pytest.mark.parametrize(
    ("counted", "asked", "stops"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o", True),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06", True),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20", False),
        ("claude-sonnet-4-20250514", "claude-sonnet-4", True),
        ("gpt-4o-mini-2024-07-18", "gpt-4o", False),
        ("gpt-4o", "gpt-4o-2024-08-06", False),
    ],
)
def test_a_model_is_counted_as_it_answers_and_stopped_as_it_is_asked_for(
    counted: str, asked: str, stops: bool
) -> None:
    gate = MemoryBudgetGate([state(Scope("model", counted))])
    assert blocked(gate, call=BudgetCall("p", model=asked)) is stops


def test_the_period_ends() -> None:
    gate = MemoryBudgetGate([state()])
    assert blocked(gate, END_US - 1)
    assert not blocked(gate, END_US)


def test_of_several_the_longest_is_told() -> None:
    gate = MemoryBudgetGate(
        [state(budget_id="day"), state(MATCHING[2], budget_id="month", end_us=END_US + 1_000_000)]
    )
    decision = gate.check(CALL, 0)
    assert isinstance(decision, Blocked)
    assert (decision.budget.budget_id, decision.reset_us) == ("month", END_US + 1_000_000)
    assert decision.message == "The budget 'daily' is used up until 2027-01-15T08:00:01+00:00."


def test_a_budget_that_only_warns_lets_through_and_tells() -> None:
    warning = state(action="warn")
    assert MemoryBudgetGate([warning]).check(CALL, 0) == Allowed((warning,))
    assert blocked(MemoryBudgetGate([warning, state(budget_id="hard")]))


def test_late_news_do_not_undo_newer_ones() -> None:
    gate = MemoryBudgetGate([state(version=5)])
    gate.update(state(spent=0, version=4))
    assert blocked(gate)
    gate.update(state(spent=0, version=6))
    assert not blocked(gate)


def test_a_snapshot_replaces_all_but_what_is_newer() -> None:
    gate = MemoryBudgetGate([state(version=5), state(MATCHING[1], budget_id="deleted")])
    assert gate.replace(1, [state(spent=0, version=4)])
    assert len(gate) == 1
    assert blocked(gate)
    assert not gate.replace(1, [])
    assert not gate.replace(0, [])
    assert gate.replace(2, [state(spent=0, version=6)])
    assert not blocked(gate)
    assert gate.replace(3, [])
    assert gate.check(CALL, 0) == Allowed()


STATES = st.builds(
    state,
    st.sampled_from(MATCHING + OTHERS),
    budget_id=st.sampled_from("abc"),
    project=st.sampled_from("pq"),
    spent=st.integers(0, 200),
    action=st.sampled_from(["block", "warn"]),
    end_us=st.integers(0, 100),
)


@given(st.lists(STATES, max_size=30), st.integers(0, 100))
def test_against_looking_at_every_state(states: list[BudgetState], now_us: int) -> None:
    latest = {(each.project, scope_of(each), each.budget_id): each for each in states}
    expected = [
        each
        for each in latest.values()
        if each.project == "p"
        and scope_of(each) in MATCHING
        and each.spent >= each.limit
        and now_us < each.period_end_us
    ]
    decision = MemoryBudgetGate(states).check(CALL, now_us)
    blocking = [each for each in expected if each.action == "block"]
    if blocking:
        assert isinstance(decision, Blocked)
        assert decision.budget in blocking
        assert decision.reset_us == max(each.period_end_us for each in blocking)
    else:
        assert isinstance(decision, Allowed)
        assert sorted(map(str, decision.warnings)) == sorted(map(str, expected))
