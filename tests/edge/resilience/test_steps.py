import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.edge.resilience.codes import CodeSet
from tallygate.edge.resilience.plan import Plan, Target
from tallygate.edge.resilience.retry import RetryPolicy, is_retried
from tallygate.edge.resilience.steps import AttemptError, AttemptResult, GiveUp, Step, Try, Wait, next_step

ONE = (Target(model="a"),)
TWO = (Target(model="a"), Target(model="b"))
RETRY = RetryPolicy(2, 2.0, 1_000, 10_000)


def step(
    plan: Plan, *results: AttemptResult, now_ms: int = 0, deadline_ms: int = 600_000, share: float = 0.5
) -> Step:
    return next_step(plan, results, now_ms=now_ms, deadline_ms=deadline_ms, random=lambda: share)


def failed(status: int, target: int = 0, retry_after_ms: int | None = None) -> AttemptResult:
    return AttemptResult(target, 0, status=status, retry_after_ms=retry_after_ms)


def test_the_first_target_comes_first() -> None:
    assert step(Plan(TWO, RETRY)) == Try(0)


def test_without_retries_the_first_answer_is_the_calls() -> None:
    assert step(Plan(ONE, RetryPolicy()), failed(500)) == GiveUp("exhausted")
    assert step(Plan(ONE, RETRY), failed(200)) == GiveUp("answered")


def test_retries_wait_longer_each_time_and_end() -> None:
    plan = Plan(ONE, RETRY)
    assert step(plan, failed(500)) == Wait(0, 500)
    assert step(plan, failed(500), failed(503)) == Wait(0, 1_000)
    assert step(plan, failed(500), failed(503), failed(502)) == GiveUp("exhausted")
    assert step(plan, failed(500), share=0.0) == Try(0)


def test_a_callers_own_mistake_is_neither_retried_nor_taken_elsewhere() -> None:
    assert step(Plan(TWO, RETRY), failed(400)) == GiveUp("exhausted")
    listed = Plan((Target(model="a", on_codes=CodeSet.parse("400")), TWO[1]), RETRY)
    assert step(listed, failed(400)) == Try(1)


def test_the_next_model_is_tried_when_retries_are_spent_and_has_its_own() -> None:
    plan = Plan(TWO, RETRY)
    spent = [failed(429), failed(429), failed(429)]
    assert step(plan, *spent) == Try(1)
    assert step(plan, *spent, failed(429, 1)) == Wait(1, 500)
    assert step(plan, *spent, *[failed(500, 1)] * 3) == GiveUp("exhausted")


def test_failures_without_a_status_lead_on_whatever_the_codes() -> None:
    plan = Plan((Target(model="a", on_codes=CodeSet.parse("429")), TWO[1]), RetryPolicy())
    for error in ("connect", "timeout", "closed", "unhealthy"):
        assert step(plan, AttemptResult(0, 0, error=error)) == Try(1)
    assert step(plan, failed(500)) == GiveUp("exhausted")


def test_a_time_out_is_not_retried_on_the_same_target() -> None:
    assert step(Plan(ONE, RETRY), AttemptResult(0, 0, error="timeout")) == GiveUp("exhausted")
    assert step(Plan(ONE, RETRY), AttemptResult(0, 0, error="connect")) == Wait(0, 500)


def test_a_providers_retry_after_is_obeyed_from_when_it_was_said() -> None:
    plan = Plan(ONE, RETRY)
    assert step(plan, failed(429, retry_after_ms=30_000)) == Wait(0, 30_000)
    assert step(plan, failed(429, retry_after_ms=30_000), now_ms=10_000) == Wait(0, 20_000)
    assert step(plan, failed(429, retry_after_ms=0)) == Wait(0, 500)


def test_a_long_retry_after_is_not_waited_for_if_another_target_is_left() -> None:
    assert step(Plan(TWO, RETRY), failed(429, retry_after_ms=10_000)) == Wait(0, 10_000)
    assert step(Plan(TWO, RETRY), failed(429, retry_after_ms=10_001)) == Try(1)


def test_nothing_starts_after_the_deadline() -> None:
    plan = Plan(TWO, RETRY)
    assert step(plan, now_ms=10, deadline_ms=10) == GiveUp("deadline")
    assert step(plan, failed(500), deadline_ms=501) == Wait(0, 500)
    assert step(plan, failed(500), deadline_ms=500) == Try(1)
    assert step(Plan(ONE, RETRY), failed(500), deadline_ms=500) == GiveUp("deadline")
    assert step(Plan(ONE, RETRY), failed(429, retry_after_ms=60_000), deadline_ms=50_000) == GiveUp(
        "deadline"
    )


def test_nothing_is_tried_after_the_first_byte_has_gone_out() -> None:
    result = AttemptResult(0, 0, error="closed", committed=True)
    assert step(Plan(TWO, RETRY), result) == GiveUp("committed")


STATUSES = st.sampled_from([0, 200, 400, 401, 404, 408, 409, 429, 500, 502, 503, 504, 522, 529])
RETRY_AFTER = st.none() | st.integers(0, 90_000)
ERRORS = st.sampled_from(["connect", "timeout", "closed", "protocol", "unhealthy"])


@settings(max_examples=300)
@given(
    st.integers(1, 4), st.integers(0, 3), st.integers(1, 120_000),
    st.lists(st.tuples(STATUSES, ERRORS, RETRY_AFTER, st.integers(0, 5_000)), min_size=30, max_size=30),
    st.integers(0, 2**32),
)  # fmt: skip
def test_a_whole_call_keeps_the_rules(
    targets: int,
    retries: int,
    deadline_ms: int,
    script: list[tuple[int, AttemptError, int | None, int]],
    seed: int,
) -> None:
    """Run a call against a script of failures and hold every step against the contract."""
    plan = Plan(tuple(Target(model=str(n)) for n in range(targets)), RetryPolicy(retries, 2.0, 100, 10_000))
    rng = random.Random(seed)
    results: list[AttemptResult] = []
    now_ms = 0
    for status, error, retry_after, duration_ms in script:
        decision = next_step(plan, results, now_ms=now_ms, deadline_ms=deadline_ms, random=rng.random)
        if isinstance(decision, GiveUp):
            break
        if isinstance(decision, Wait):
            now_ms += decision.delay_ms
        assert now_ms < deadline_ms
        if results and decision.target == results[-1].target:
            last = results[-1]
            assert is_retried(last.status, last.error)
            assert now_ms >= last.ended_ms + (last.retry_after_ms or 0)
        assert not results or 0 <= decision.target - results[-1].target <= 1
        now_ms += duration_ms
        answer = AttemptResult(decision.target, now_ms, status, "" if status else error, retry_after)
        results.append(answer)
        assert sum(1 for each in results if each.target == decision.target) <= retries + 1
    else:
        raise AssertionError("a call tries no more than its targets times their tries")
