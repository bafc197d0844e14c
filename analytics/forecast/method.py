"""Month-end spend with its range: weekday means of four weeks, and a bootstrap of how they missed. Pure.

1. The last complete days, at most 28, are what is known. With 14 or more, each weekday has a factor: the mean
   of its days over the mean of all weekdays' means; with fewer, all factors are 1.
2. The level is the mean of the last 14 days' spend, each divided by its weekday's factor.
3. A coming day is expected to cost level x factor; of today, the part of the day that is left.
4. A known day's miss is its spend over what step 3 expects of it. Coming days get misses drawn at random
   (seeded: the same days give the same answer), 2 000 times; the range is from the 10th to the 90th
   percentile of the sums.

Money is integer nano-dollars; the expectation is exact rational arithmetic, rounded once, half to even.
"""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

KNOWN_DAYS = 28
LEVEL_DAYS = 14
SEASONAL_DAYS = 14
LEAST_DAYS = 3
"""With fewer complete days nothing is forecast."""
DRAWS = 2000
LOW, HIGH = 0.1, 0.9


class Day(NamedTuple):
    """What a complete day cost."""

    day: date
    nanos: int


class Forecast(NamedTuple):
    """Spend of the whole month, nano-dollars: so far, and what is expected still."""

    expected: int
    low: int
    high: int
    seasonal: bool
    """Whether weekdays differ in it."""
    days: dict[date, int]
    """Expected of each coming day; of today, of its rest."""


def forecast(
    known: Sequence[Day], spent: int, today: date, left_of_today: Fraction, month_end: date
) -> Forecast | None:
    """Forecast a month's spend; None if too little is known.

    Args:
        known: complete days before today, in order, without gaps: a day without calls cost 0.
        spent: this month, today included.
        left_of_today: part of the day that is still to come, 0 to 1.
        month_end: the month's last day.
    """
    recent = list(known[-KNOWN_DAYS:])
    if len(recent) < LEAST_DAYS:
        return None
    factors = _factors(recent)
    level = _mean(
        [day.nanos / factors[day.day.weekday()] for day in recent[-LEVEL_DAYS:] if factors[day.day.weekday()]]
    )
    parts = {today: left_of_today} | {
        today + timedelta(days=n): Fraction(1) for n in range(1, (month_end - today).days + 1)
    }
    coming = {day: level * factors[day.weekday()] * part for day, part in parts.items()}
    misses = _misses(recent, level, factors)
    low, high = _range(list(coming.values()), misses, seed=spent)
    return Forecast(
        expected=spent + round(sum(coming.values())),
        low=spent + low,
        high=spent + high,
        seasonal=len(recent) >= SEASONAL_DAYS,
        days={day: round(nanos) for day, nanos in coming.items()},
    )


def _factors(days: Sequence[Day]) -> list[Fraction]:
    """By weekday, Monday first."""
    if len(days) < SEASONAL_DAYS:
        return [Fraction(1)] * 7
    means = [
        _mean([Fraction(day.nanos) for day in days if day.day.weekday() == weekday]) for weekday in range(7)
    ]
    whole = _mean(means)
    return [mean / whole if whole else Fraction(1) for mean in means]


def _misses(days: Sequence[Day], level: Fraction, factors: Sequence[Fraction]) -> list[Fraction]:
    expected = [level * factors[day.day.weekday()] for day in days]
    return [Fraction(day.nanos) / each for day, each in zip(days, expected, strict=True) if each] or [
        Fraction(1)
    ]


def _range(coming: Sequence[Fraction], misses: Sequence[Fraction], seed: int) -> tuple[int, int]:
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    amounts, factors = [float(each) for each in coming], [float(miss) for miss in misses]
    drawn = sorted(sum(amount * chance.choice(factors) for amount in amounts) for _ in range(DRAWS))
    return round(drawn[int(LOW * DRAWS)]), round(drawn[int(HIGH * DRAWS) - 1])


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values) if values else Fraction(0)
