"""The forecast against sums made by hand."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from tallygate.analytics.forecast.method import LEAST_DAYS, Day, forecast

USD = 10**9
MONDAY = date(2026, 11, 2)


def days(spends: list[int], until: date) -> list[Day]:
    """Complete days that end before a day."""
    first = until - timedelta(days=len(spends))
    return [Day(first + timedelta(days=n), nanos) for n, nanos in enumerate(spends)]


def test_even_days_go_on_as_they_were() -> None:
    today = date(2026, 11, 21)
    made = forecast(days([10 * USD] * 20, today), 200 * USD, today, Fraction(1, 2), date(2026, 11, 30))
    assert made is not None
    # 200 so far, half of today, and nine days of 10.
    assert made.expected == made.low == made.high == (200 + 5 + 90) * USD
    assert made.days[today] == 5 * USD
    assert len(made.days) == 10
    assert made.seasonal


def test_weekends_are_expected_as_they_were() -> None:
    # Four weeks of 10 on working days and 3 on Saturdays and Sundays; today is Monday the 30th.
    today = date(2026, 11, 30)
    known = days(([10 * USD] * 5 + [3 * USD] * 2) * 4, today)
    made = forecast(known, 100 * USD, today, Fraction(1), date(2026, 12, 6))
    assert made is not None
    assert [made.days[today + timedelta(days=n)] for n in range(7)] == [10 * USD] * 5 + [3 * USD] * 2
    assert made.expected == (100 + 56) * USD


def test_the_level_follows_the_last_two_weeks() -> None:
    # Spend doubled two weeks ago: the factors are even, the level is the new one.
    today = date(2026, 11, 30)
    made = forecast(days([5 * USD] * 14 + [10 * USD] * 14, today), 0, today, Fraction(1), today)
    assert made is not None
    assert made.expected == 10 * USD
    assert made.low == 5 * USD
    assert made.high == 10 * USD


def test_few_days_have_no_weekdays() -> None:
    today = date(2026, 11, 9)
    made = forecast(
        days([2 * USD, 4 * USD, 9 * USD], today), 15 * USD, today, Fraction(0), date(2026, 11, 10)
    )
    assert made is not None
    assert not made.seasonal
    assert made.expected == (15 + 5) * USD
    assert made.low < made.expected < made.high


@pytest.mark.parametrize("known", range(LEAST_DAYS))
def test_too_few_days_give_no_forecast(known: int) -> None:
    assert forecast(days([USD] * known, MONDAY), USD, MONDAY, Fraction(1), MONDAY) is None


def test_no_spend_is_forecast_as_none() -> None:
    made = forecast(days([0] * 28, MONDAY), 0, MONDAY, Fraction(1), date(2026, 11, 30))
    assert made is not None
    assert (made.expected, made.low, made.high) == (0, 0, 0)


def test_weekdays_without_spend_are_expected_to_have_none() -> None:
    today = date(2026, 11, 30)
    known = days(([7 * USD] * 5 + [0] * 2) * 4, today)
    made = forecast(known, 0, today, Fraction(1), date(2026, 12, 6))
    assert made is not None
    assert made.expected == made.low == made.high == 35 * USD


def test_the_expectation_is_rounded_once() -> None:
    # A mean of 10/3 nano-dollars a day; four days are 40/3, which is 13, and not four times 3.
    today = date(2026, 11, 27)
    made = forecast(days([3, 3, 4], today), 0, today, Fraction(1), date(2026, 11, 30))
    assert made is not None
    assert made.expected == 13


def test_the_same_days_give_the_same_range() -> None:
    known = days([n * USD for n in (1, 5, 2, 8, 3)], MONDAY)
    made = [forecast(known, 7, MONDAY, Fraction(1, 3), date(2026, 11, 30)) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0] is not None
    assert made[0].low < made[0].high
