import random
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.edge.resilience.balance import BreakerBoard, choose
from tallygate.edge.resilience.breaker import Breaker, BreakerPolicy, Permit

POLICY = BreakerPolicy(
    consecutive_failures=3, error_rate=0.5, min_calls=10, window_ms=10_000, pause_ms=1_000,
    max_pause_ms=4_000, probe_timeout_ms=5_000,
)  # fmt: skip


def granted(breaker: Breaker, now_ms: int) -> Permit:
    permit = breaker.acquire(now_ms)
    assert permit is not None
    return permit


def fail(breaker: Breaker, now_ms: int, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(granted(breaker, now_ms), now_ms)


def test_opens_on_failures_in_a_row() -> None:
    breaker = Breaker(POLICY)
    fail(breaker, 0, 2)
    breaker.succeeded(granted(breaker, 0), 0)
    fail(breaker, 0, 2)
    assert breaker.state(0) == "closed"
    fail(breaker, 0)
    assert breaker.state(0) == "open"
    assert breaker.acquire(999) is None
    assert breaker.wakes_ms(10) == 1_000


def test_opens_on_an_error_rate_within_the_window_only() -> None:
    breaker = Breaker(POLICY)
    for turn in range(9):
        permit = granted(breaker, turn * 100)
        (breaker.failed if turn % 2 else breaker.succeeded)(permit, turn * 100)
    assert breaker.state(900) == "closed"
    fail(breaker, 900)
    assert breaker.state(900) == "open"
    slow = Breaker(POLICY)
    for turn in range(40):
        permit = granted(slow, turn * 3_000)
        (slow.failed if turn % 2 else slow.succeeded)(permit, turn * 3_000)
    assert slow.state(120_000) == "closed"


def test_a_probe_closes_it_and_the_pause_starts_small_again() -> None:
    breaker = Breaker(POLICY)
    fail(breaker, 0, 3)
    assert breaker.state(1_000) == "half-open"
    probe = granted(breaker, 1_000)
    assert breaker.acquire(1_000) is None
    breaker.succeeded(probe, 1_100)
    assert breaker.state(1_100) == "closed"
    fail(breaker, 1_100, 3)
    assert breaker.wakes_ms(1_100) == 2_100


def test_a_failed_probe_doubles_the_pause_up_to_its_limit() -> None:
    breaker = Breaker(POLICY)
    fail(breaker, 0, 3)
    now_ms, pauses = 0, []
    for _ in range(4):
        pauses.append(breaker.wakes_ms(now_ms) - now_ms)
        now_ms = breaker.wakes_ms(now_ms)
        fail(breaker, now_ms)
    assert pauses == [1_000, 2_000, 4_000, 4_000]


def test_stays_open_as_long_as_the_provider_asked() -> None:
    breaker = Breaker(POLICY)
    fail(breaker, 0, 2)
    breaker.failed(granted(breaker, 0), 0, retry_after_ms=7_000)
    assert breaker.state(6_999) == "open"
    assert breaker.state(7_000) == "half-open"


def test_a_probe_without_a_verdict_gives_its_place_back() -> None:
    breaker = Breaker(POLICY)
    fail(breaker, 0, 3)
    breaker.released(granted(breaker, 1_000))
    granted(breaker, 1_000)
    assert not breaker.available(5_999)
    assert breaker.available(6_000)


def test_reports_from_before_a_change_count_for_nothing() -> None:
    breaker = Breaker(POLICY)
    early = [granted(breaker, 0) for _ in range(10)]
    for permit in early[:3]:
        breaker.failed(permit, 0)
    probe = granted(breaker, 1_000)
    breaker.succeeded(early[3], 1_000)
    assert breaker.state(1_000) == "half-open"
    breaker.failed(early[4], 1_000)
    assert breaker.state(1_000) == "half-open"
    breaker.succeeded(probe, 1_000)
    breaker.failed(early[5], 1_000)
    fail(breaker, 1_000, 2)
    assert breaker.state(1_000) == "closed"


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 3_000), st.sampled_from(["ok", "fail", "release", "lose"])), max_size=80
    )
)
def test_never_shut_for_good(events: list[tuple[int, str]]) -> None:
    breaker = Breaker(POLICY)
    now_ms = 0
    for pause_ms, verdict in events:
        now_ms += pause_ms
        permit = breaker.acquire(now_ms)
        if permit is None:
            continue
        if verdict == "ok":
            breaker.succeeded(permit, now_ms)
        elif verdict == "fail":
            breaker.failed(permit, now_ms)
        elif verdict == "release":
            breaker.released(permit)
    later_ms = now_ms + POLICY.max_pause_ms + POLICY.probe_timeout_ms
    breaker.succeeded(granted(breaker, later_ms), later_ms)
    assert breaker.state(later_ms) == "closed"


@dataclass(frozen=True)
class Site:
    key: Hashable
    weight: float = 1.0


def test_choice_follows_the_weights() -> None:
    board = BreakerBoard()
    sites = [Site("a", 3), Site("b", 1), Site("c", 0)]
    rng = random.Random(7)
    counts: Counter[int] = Counter()
    for _ in range(4_000):
        choice = choose(sites, board, 0, rng.random)
        assert choice is not None
        choice.breaker.succeeded(choice.permit, 0)
        counts[choice.index] += 1
    assert set(counts) == {0, 1}
    assert 2_850 < counts[0] < 3_150


def test_choice_leaves_out_open_resting_and_tried_ones_while_there_are_others() -> None:
    board = BreakerBoard(POLICY)
    sites = [Site("a"), Site("b"), Site("c")]
    fail(board.of("a"), 0, 3)
    board.of("b").rest(0, 2_000)
    rng = random.Random(1)

    def picks(now_ms: int, tried: frozenset[int] = frozenset()) -> set[int | None]:
        chosen = [choose(sites, board, now_ms, rng.random, tried=tried) for _ in range(40)]
        for each in chosen:
            if each is not None:
                each.breaker.released(each.permit)
        return {None if each is None else each.index for each in chosen}

    assert picks(0) == {2}
    assert picks(0, frozenset({2})) == {2}
    assert picks(1_000) == {0, 2}
    assert picks(2_000) == {0, 1, 2}
    fail(board.of("c"), 2_000, 3)
    fail(board.of("a"), 2_000)
    board.of("b").rest(2_000, 500)
    assert picks(2_000) == {1}
    fail(board.of("b"), 2_000, 3)
    assert picks(2_000) == {None}
    assert choose([], board, 0, rng.random) is None


def test_breakers_are_bounded_and_the_longest_unused_goes() -> None:
    board = BreakerBoard(POLICY, max_breakers=2)
    fail(board.of("a"), 0, 3)
    fail(board.of("b"), 0, 3)
    board.of("a")
    board.of("c")
    assert board.of("a").state(0) == "open"
    assert board.of("b").state(0) == "closed"
