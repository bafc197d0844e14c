"""The window against a naive log that keeps every taking."""

import bisect
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.edge.limits.window import MAX_ENTRIES, MAX_USED, SKEW_MS, SLICES, Window, is_spent

MAX_BLOCK_BYTES = 16 + 16 * MAX_ENTRIES


class Log:
    """Every taking, with running sums."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.sums = [0]

    def add(self, time_ms: int, amount: int) -> None:
        self.times.append(time_ms)
        self.sums.append(self.sums[-1] + amount)

    def used(self, now_ms: int, window_ms: int) -> int:
        return self.sums[-1] - self.sums[bisect.bisect_right(self.times, now_ms - window_ms)]


@settings(max_examples=200)
@given(
    st.integers(1, 5_000),
    st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 10**9)), max_size=MAX_ENTRIES),
)
def test_equals_the_log_while_there_are_few_entries(window_ms: int, takes: list[tuple[int, int]]) -> None:
    block, now_ms = None, 10**12
    log = Log()
    for step_ms, amount in takes:
        now_ms += step_ms
        window = Window(block, window_ms, now_ms)
        assert window.used == log.used(now_ms, window_ms)
        window.add(amount)
        log.add(now_ms, amount)
        block = window.block()
        assert Window(block, window_ms, now_ms).used == log.used(now_ms, window_ms)


@settings(max_examples=25, deadline=None)
@given(st.integers(100, 20_000), st.integers(1, 40), st.randoms(use_true_random=False))
def test_stays_bounded_and_is_never_below_the_log_nor_above_it_by_more_than_a_slice(
    window_ms: int, longest_step_ms: int, rng: random.Random
) -> None:
    block, now_ms = None, 10**12
    log = Log()
    slice_ms = -(-window_ms // SLICES)
    for _ in range(1_200):
        now_ms += rng.randint(0, longest_step_ms)
        window = Window(block, window_ms, now_ms)
        assert log.used(now_ms, window_ms) <= window.used <= log.used(now_ms, window_ms + slice_ms)
        window.add(1)
        log.add(now_ms, 1)
        block = window.block()
        assert len(block) <= MAX_BLOCK_BYTES
    assert is_spent(block or b"", now_ms + window_ms)
    assert Window(block, window_ms, now_ms + window_ms).used == 0


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 5)), min_size=1, max_size=30), st.integers(0, 200)
)
def test_waiting_as_long_as_it_says_makes_room_and_a_millisecond_less_does_not(
    takes: list[tuple[int, int]], room: int
) -> None:
    window_ms, now_ms, block = 1_000, 10**12, None
    for step_ms, amount in takes:
        now_ms += step_ms
        window = Window(block, window_ms, now_ms)
        window.add(amount)
        block = window.block()
    wait_ms = Window(block, window_ms, now_ms).wait_ms(room)
    assert Window(block, window_ms, now_ms + wait_ms).used <= room
    if wait_ms:
        assert Window(block, window_ms, now_ms + wait_ms - 1).used > room


def test_when_the_oldest_leaves() -> None:
    window = Window(None, 1_000, 5_000)
    assert window.oldest_leaves_ms() == 0
    window.add(1)
    later = Window(window.block(), 1_000, 5_400)
    later.add(1)
    assert later.oldest_leaves_ms() == 600
    assert Window(later.block(), 1_000, 6_000).oldest_leaves_ms() == 400


def test_two_processes_whose_clocks_cross_by_a_little_take_in_order() -> None:
    window = Window(None, 1_000, 10_000)
    window.add(1)
    earlier = Window(window.block(), 1_000, 10_000 - SKEW_MS)
    assert earlier.now_ms == 10_000
    earlier.add(1)
    assert Window(earlier.block(), 1_000, 10_999).used == 2
    assert Window(earlier.block(), 1_000, 11_000).used == 0


def test_a_clock_set_back_does_not_shut_a_window_for_longer_than_it_lasts() -> None:
    block = None
    for now_ms in (1_000, 50_000_000, 50_000_500):
        window = Window(block, 60_000_000, now_ms)
        window.add(1)
        block = window.block()
    back = Window(block, 60_000_000, 2_000)
    assert (back.used, back.now_ms) == (3, 2_000)
    back.add(1)
    assert Window(back.block(), 60_000_000, 60_000_999).used == 4
    assert Window(back.block(), 60_000_000, 60_001_000).used == 3
    assert Window(back.block(), 60_000_000, 60_002_000).used == 0


def test_counts_saturate_rather_than_overflow() -> None:
    window = Window(None, 1_000, 1_000)
    window.add(MAX_USED)
    window.add(MAX_USED)
    assert Window(window.block(), 1_000, 1_000).used == MAX_USED
