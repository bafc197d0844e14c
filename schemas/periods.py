"""Periods that calls are counted by: hours, days, weeks and months of a time zone, and slices of a window.

Every instant is in exactly one period of a kind, whatever its zone does with its clocks. A day goes from the
first midnight of its date to that of the next one, and so has 23 or 25 hours twice a year; weeks begin on
Monday. Times are microseconds since the Unix epoch.
"""

import logging
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

log = logging.getLogger(__name__)

Period = Literal["hour", "day", "week", "month"]

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
SLICES = 60
"""Of a sliding window: what is in it is known to a sixtieth of its length."""
_LAST_US = 253_370_000_000 * SECOND_US
"""In the year 9998; later times, which only a broken clock tells, are taken for it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Span(NamedTuple):
    """From a time until before another."""

    start_us: int
    end_us: int


def period_of(kind: Period, zone: str, at_us: int) -> Span:
    """The period that an instant is in."""
    return _calendar(zone).period(kind, at_us)


def slice_of(window_s: int, at_us: int) -> Span:
    """The slice of a sliding window that an instant is in: a sixtieth of the window, one second at least."""
    length_us = max(SECOND_US, window_s * SECOND_US // SLICES)
    start_us = at_us - at_us % length_us
    return Span(start_us, start_us + length_us)


def hour_weeks_before(zone: str, hour: Span, weeks: int) -> Span:
    """The hour of the same name on the same day of an earlier week, as the zone's clocks show it."""
    calendar = _calendar(zone)
    named = calendar.local(hour.start_us).replace(tzinfo=None) - timedelta(weeks=weeks)
    return calendar.period("hour", calendar.instant(named))


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name; UTC, and a line in the log, if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        log.error("time zone %r is not known on this machine: UTC is used", name)  # noqa: TRY400
        return UTC


class _Calendar:
    """A zone's periods. The last one of each kind is kept: calls come nearly in order."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._last: dict[Period, Span] = {}

    def period(self, kind: Period, at_us: int) -> Span:
        at_us = min(max(at_us, 0), _LAST_US)
        last = self._last.get(kind)
        if last is not None and last.start_us <= at_us < last.end_us:
            return last
        found = self._hour(at_us) if kind == "hour" else self._dated(kind, at_us)
        self._last[kind] = found
        return found

    def local(self, at_us: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=at_us)).astimezone(self._zone)

    def instant(self, named: datetime) -> int:
        """When clocks show a time: the first time, if twice; if never, as if they had not been changed."""
        return (named.replace(tzinfo=self._zone) - _EPOCH) // _MICROSECOND

    def _hour(self, at_us: int) -> Span:
        offset_us = (self.local(at_us).utcoffset() or timedelta()) // _MICROSECOND
        start_us = at_us - (at_us + offset_us) % HOUR_US
        return Span(start_us, start_us + HOUR_US)

    def _dated(self, kind: Period, at_us: int) -> Span:
        first = _first_date(kind, self.local(at_us).date())
        # Clocks that are put back over midnight show the old date for a second time.
        if at_us >= self._midnight(_next_date(kind, first)):
            first = _next_date(kind, first)
        elif at_us < self._midnight(first):
            first = _first_date(kind, first - timedelta(days=1))
        return Span(self._midnight(first), self._midnight(_next_date(kind, first)))

    def _midnight(self, day: date) -> int:
        return self.instant(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - the zone is added there


@lru_cache(maxsize=1024)
def _calendar(zone: str) -> _Calendar:
    return _Calendar(zone_of(zone))


def _first_date(kind: Period, day: date) -> date:
    if kind == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _next_date(kind: Period, first: date) -> date:
    if kind == "month":
        return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first + timedelta(weeks=1) if kind == "week" else first + timedelta(days=1)
