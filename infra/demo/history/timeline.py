"""When the calls of a made-up month come: on working days, in the afternoon, and more every week. Pure."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

HOUR = timedelta(hours=1)
DAYS = 30
BLOCK = 8
"""Calls are numbered in blocks of this size; an hour holds blocks whole, and a session is the beginning of a
block: so it is made up without looking at other hours."""
TAIL = timedelta(minutes=5)
"""Nothing begins this long before the end of a month or of the whole, so that every call, and every step of a
session, ends within it: an insert goes into one month's partition."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The calls of one hour: those numbered from `first` on."""

    start: datetime
    span: timedelta
    """Part of the hour in which calls begin."""
    first: int
    calls: int
    load: float
    """How busy it is, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls of one day and one month that are inserted at once."""

    hours: tuple[Hour, ...]
    first: int
    calls: int

    @property
    def load(self) -> float:
        """How busy it is, from 0 to 1."""
        return sum(hour.load * hour.calls for hour in self.hours) / sum(hour.calls for hour in self.hours)


def hours(calls: int, until: datetime, seed: int) -> list[Hour]:
    """The hours of the 30 days before `until` that have calls; they are `calls` in sum."""
    begin = (until - timedelta(days=DAYS)).astimezone(UTC)
    begin = begin.replace(minute=0, second=0, microsecond=0) + HOUR
    starts = [begin + index * HOUR for index in range(math.ceil((until - begin) / HOUR))]
    starts = [start for start in starts if _span(start, until)]
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    spans = [_span(start, until) for start in starts]
    loads = [_load(start, until) for start in starts]
    weights = [
        load * chance.uniform(0.85, 1.15) * (span / HOUR) for load, span in zip(loads, spans, strict=True)
    ]
    firsts = _firsts(weights, calls)
    made = zip(starts, spans, firsts, firsts[1:], loads, strict=False)
    return [
        Hour(start, span, first, after - first, load)
        for start, span, first, after, load in made
        if after > first
    ]


def batches(timeline: Sequence[Hour], most: int, *, after: int = -1) -> Iterator[Batch]:
    """The hours in batches of one day and at most so many calls, in order; without calls up to `after`."""
    for _day, of_day in groupby(timeline, lambda hour: hour.start.date()):
        whole = tuple(of_day)
        first, end = max(whole[0].first, after + 1), whole[-1].first + whole[-1].calls
        while first < end:
            count = min(most, end - first)
            own = tuple(h for h in whole if h.first < first + count and h.first + h.calls > first)
            yield Batch(own, first, count)
            first += count


def _span(start: datetime, until: datetime) -> timedelta:
    end = min(start + HOUR, until)
    last_of_month = (start + HOUR).month != start.month
    return max(timedelta(), end - start - TAIL) if last_of_month or end == until else HOUR


def _load(at: datetime, until: datetime) -> float:
    day = math.exp(-(((at.hour - 14) / 5) ** 2))
    week = 0.35 if at.weekday() >= 5 else 1.0
    growth = 1 - 0.3 * ((until - at) / timedelta(days=DAYS))
    return week * growth * (0.25 + 0.75 * day)


def _firsts(weights: Sequence[float], calls: int) -> list[int]:
    """Where each weight's share of the calls begins, in whole blocks; at the end, `calls`."""
    total = math.fsum(weights)
    firsts, so_far = [0], 0.0
    for weight in weights[:-1]:
        so_far += weight
        firsts.append(min(calls, BLOCK * round(calls * so_far / total / BLOCK)))
    return [*firsts, calls]
