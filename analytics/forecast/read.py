"""`GET /api/v1/forecast`: what the month will have cost."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tallygate.analytics.api.operation import now_us
from tallygate.analytics.api.scope import Scope
from tallygate.analytics.forecast.method import KNOWN_DAYS, Day, forecast
from tallygate.analytics.models import ApiModel, Usd
from tallygate.analytics.reports.buckets import Zone
from tallygate.analytics.reports.sums import usd
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, select
from tallygate.schemas.periods import HOUR_US, period_of
from tallygate.schemas.times import US_PER_SECOND, text_of


class ForecastQuery(ApiModel):
    """The month is the one that `to`, or now, is in; `from` is not looked at."""

    tz: Zone = "UTC"
    """Where days and months begin."""


class DaySpend(ApiModel):
    """One day."""

    day: date
    cost_nanos: int
    cost_usd: Usd


class Range(ApiModel):
    """The whole month's spend."""

    expected_nanos: int
    expected_usd: Usd
    low_nanos: int
    low_usd: Usd
    high_nanos: int
    high_usd: Usd
    """Eight of ten months end between low and high, if days go on to miss as they did."""
    seasonal: bool
    """Whether weekdays are told apart: from two weeks of days on."""
    days: list[DaySpend]
    """What is expected of each coming day; of today, of its rest."""


class ForecastAnswer(ApiModel):
    """A month, so far and to its end."""

    month_start: date
    month_end: date
    """The last day."""
    as_of: datetime
    spent_nanos: int
    spent_usd: Usd
    unpriced: int
    """Calls of this month whose cost is not known, and in nothing here."""
    known: list[DaySpend]
    """The complete days that the forecast is made from, at most 28."""
    month: Range | None
    """Null with fewer than three complete days since the first call."""


def read_forecast(rows: Rows, scope: Scope, query: ForecastQuery) -> ForecastAnswer:
    """Read the days, and forecast."""
    at_us = min(now_us(), scope.to_us)
    today, month = period_of("day", query.tz, at_us), period_of("month", query.tz, at_us)
    since_us = min(month.start_us, today.start_us - (KNOWN_DAYS + 1) * 24 * HOUR_US)
    by_day = _by_day(rows, scope, query.tz, since_us, at_us)
    this_day, month_start = _date(today.start_us, query.tz), _date(month.start_us, query.tz)
    month_end = _date(month.end_us - 1, query.tz)
    this_month = [spend for day, spend in by_day.items() if day >= month_start]
    spent = sum(cost for cost, _ in this_month)
    known = _complete(by_day, this_day)
    left = Fraction(today.end_us - at_us, today.end_us - today.start_us)
    made = forecast(known, spent, this_day, left, month_end)
    return ForecastAnswer(
        month_start=month_start,
        month_end=month_end,
        as_of=datetime.fromtimestamp(at_us / US_PER_SECOND, UTC),
        spent_nanos=spent,
        spent_usd=usd(spent),
        unpriced=sum(unpriced for _, unpriced in this_month),
        known=[_spend(day.day, day.nanos) for day in known],
        month=None
        if made is None
        else Range(
            expected_nanos=made.expected,
            expected_usd=usd(made.expected),
            low_nanos=made.low,
            low_usd=usd(made.low),
            high_nanos=made.high,
            high_usd=usd(made.high),
            seasonal=made.seasonal,
            days=[_spend(day, nanos) for day, nanos in made.days.items()],
        ),
    )


def _by_day(rows: Rows, scope: Scope, zone: str, since_us: int, at_us: int) -> dict[date, tuple[int, int]]:
    """Cost and unpriced calls of each local day that has calls."""
    # A day begins at a whole hour of UTC nearly everywhere: then the sums come from a rollup.
    whole = since_us % HOUR_US == 0
    time = "toStartOfHour(received_at)" if whole else "toStartOfFifteenMinutes(received_at)"
    since = Clause(f"{time} >= {{since:DateTime64(6, 'UTC')}}", {"since": text_of(since_us)})
    # Nothing arrives after now; in the past, the end is one of calls.
    until = Clause("received_at < {until:DateTime64(6, 'UTC')}", {"until": text_of(at_us)})
    ended = [until] if at_us == scope.to_us else []
    columns = [f"{time} AS at", "sum(cost_nanos)", "countIf(NOT priced)"]
    found = rows(select(columns, "calls", [since, *ended, *scope.clauses], scope.project, "GROUP BY at"))
    days: dict[date, tuple[int, int]] = {}
    for at, cost, unpriced in sorted(found):
        day = at.astimezone(ZoneInfo(zone)).date()
        held = days.get(day, (0, 0))
        days[day] = held[0] + (cost or 0), held[1] + unpriced
    return days


def _complete(by_day: Mapping[date, tuple[int, int]], today: date) -> Sequence[Day]:
    """The days before today, from the first with calls on; a day without calls cost nothing."""
    first = min((day for day in by_day if day < today), default=today)
    first = max(first, today - timedelta(days=KNOWN_DAYS))
    days = [first + timedelta(days=n) for n in range((today - first).days)]
    return [Day(day, by_day.get(day, (0, 0))[0]) for day in days]


def _date(at_us: int, zone: str) -> date:
    return datetime.fromtimestamp(at_us // US_PER_SECOND, ZoneInfo(zone)).date()


def _spend(day: date, nanos: int) -> DaySpend:
    return DaySpend(day=day, cost_nanos=nanos, cost_usd=usd(nanos))
