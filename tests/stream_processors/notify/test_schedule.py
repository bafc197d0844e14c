"""When a delivery is tried again."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tallygate.stream_processors.notify.schedule import DELAYS_S, Schedule

BEGUN = 1_794_000_000_000_000
DAY_US = 86_400_000_000
SCHEDULE = Schedule()


def at(tries: int, now_us: int, chance: float = 0.0, retry_after_s: float = 0.0) -> int | None:
    return SCHEDULE.next_us(
        tries=tries, begun_us=BEGUN, now_us=now_us, chance=chance, retry_after_s=retry_after_s
    )


def test_the_whole_schedule_without_chance() -> None:
    now, seconds = BEGUN, []
    for tries in itertools.count(1):
        following = at(tries, now)
        if following is None:
            break
        seconds.append((following - now) / 1e6)
        now = following
    assert seconds == list(DELAYS_S)
    assert now - BEGUN <= DAY_US


def test_no_try_after_a_day_however_few_there_were() -> None:
    assert at(1, BEGUN + DAY_US) is None
    assert at(1, BEGUN + DAY_US - 1) == BEGUN + DAY_US


def test_the_receivers_wish_counts_within_the_day() -> None:
    assert at(1, BEGUN, retry_after_s=120) == BEGUN + 120_000_000
    assert at(2, BEGUN, retry_after_s=1) == BEGUN + 300_000_000
    assert at(1, BEGUN, retry_after_s=1e9) == BEGUN + DAY_US


@given(st.integers(1, 20), st.integers(0, 2 * DAY_US), st.floats(0, 1), st.floats(0, 1e7))
def test_always_later_and_never_past_the_day(tries: int, since: int, chance: float, wish: float) -> None:
    following = at(tries, BEGUN + since, chance, wish)
    assert following is None or BEGUN + since < following <= BEGUN + DAY_US
