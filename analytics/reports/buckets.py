"""Cutting a period into minutes, hours, days, weeks or months of a time zone."""

from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from tallygate.analytics.api.scope import DAY_US, HOUR_US, Scope
from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.reports.sums import Group
from tallygate.analytics.requests.clause import Clause
from tallygate.schemas.periods import Span, period_of
from tallygate.schemas.times import US_PER_SECOND

Interval = Literal["minute", "hour", "day", "week", "month"]
MAX_BUCKETS = 2000
_MINUTE_US = 60 * US_PER_SECOND


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no time zone, as Europe/Berlin or UTC") from error
    return name


Zone = Annotated[
    str,
    AfterValidator(_zone),
    Field(max_length=64, description="IANA name of a time zone.", examples=["Europe/Berlin"]),
]


class Buckets(NamedTuple):
    """A period's parts, by their beginnings; the first may begin before the period."""

    starts_us: tuple[int, ...]

    def are_whole(self, unit_us: int) -> bool:
        """Whether each begins at a whole hour, or day, of UTC."""
        return all(start % unit_us == 0 for start in self.starts_us)

    def of(self, time: str) -> Clause:
        """The beginning, in seconds since the epoch, of what a time in SQL is in."""
        starts = [start // US_PER_SECOND for start in self.starts_us]
        return Clause(f"roundDown(toUnixTimestamp({time}), {{starts:Array(UInt64)}})", {"starts": starts})


def cut(scope: Scope, interval: Interval, zone: str) -> Buckets:
    """The parts of a scope's period.

    Raises:
        RequestError: there are too many.
    """
    starts: list[int] = []
    at_us = scope.from_us
    while at_us < scope.to_us:
        if len(starts) == MAX_BUCKETS:
            raise bad_parameter(
                "interval", f"the period has more than {MAX_BUCKETS} of it; ask for longer ones"
            )
        span = _span(interval, zone, at_us)
        starts.append(span.start_us)
        at_us = span.end_us
    return Buckets(tuple(starts))


def column_of_time(scope: Scope, buckets: Buckets, *, daily: bool, hourly: bool) -> str:
    """What calls are first grouped by: the coarsest time that a projection has and the buckets allow."""
    if daily and buckets.are_whole(DAY_US) and scope.is_whole(DAY_US):
        return "toStartOfDay(received_at)"
    if hourly and buckets.are_whole(HOUR_US) and scope.is_whole(HOUR_US):
        return "toStartOfHour(received_at)"
    return "received_at"


def by_bucket(buckets: Buckets, column: str) -> Group:
    """The group of a part of the period."""
    if column == "received_at":
        return Group(buckets.of(column))
    return Group(Clause(column, {}), buckets.of)


def _span(interval: Interval, zone: str, at_us: int) -> Span:
    if interval == "minute":
        start_us = at_us - at_us % _MINUTE_US
        return Span(start_us, start_us + _MINUTE_US)
    return period_of(interval, zone, at_us)
