"""Periods in every zone there is: each instant is in one, and they follow each other."""

from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.periods import HOUR_US, SECOND_US, Period, Span, hour_weeks_before, period_of, slice_of

ZONES = sorted(available_timezones())
PERIODS: tuple[Period, ...] = get_args(Period)
TIMES = st.integers(0, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * SECOND_US)


def us(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND_US


def hours(span: Span) -> float:
    return (span.end_us - span.start_us) / HOUR_US


@given(st.sampled_from(PERIODS), st.sampled_from(ZONES), TIMES)
def test_an_instant_is_in_its_period_and_so_are_its_ends(kind: Period, zone: str, at_us: int) -> None:
    span = period_of(kind, zone, at_us)
    assert span.start_us <= at_us < span.end_us
    if kind != "hour":  # where clocks change by half an hour, two hours share a part
        assert period_of(kind, zone, span.start_us) == span
        assert period_of(kind, zone, span.end_us - 1) == span
        assert period_of(kind, zone, span.end_us).start_us == span.end_us


@given(st.sampled_from(ZONES), TIMES)
def test_periods_begin_at_midnight_or_where_clocks_jump_over_it(zone: str, at_us: int) -> None:
    for kind in ("day", "week", "month"):
        span = period_of(kind, zone, at_us)
        start = datetime.fromtimestamp(span.start_us // SECOND_US, ZoneInfo(zone))
        before = datetime.fromtimestamp(span.start_us // SECOND_US - 1, ZoneInfo(zone))
        jumped = start.utcoffset() != before.utcoffset()
        assert jumped or (start.hour, start.minute, start.second) == (0, 0, 0)


@pytest.mark.parametrize(
    ("day", "zone", "length_h"),
    [
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-03-08", "America/New_York", 23),
        ("2026-11-01", "America/New_York", 25),
        ("2026-11-01", "America/Havana", 25),  # midnight comes twice
        ("2026-04-24", "Africa/Cairo", 23),  # there is no midnight
        ("2026-07-01", "Asia/Kolkata", 24),
        ("2026-10-04", "Australia/Lord_Howe", 23.5),
        ("2008-11-02", "America/St_Johns", 25),  # a minute after midnight it is yesterday again
    ],
)
def test_days_on_which_clocks_change(day: str, zone: str, length_h: float) -> None:
    span = period_of("day", zone, us(f"{day}T12:00:00", zone))
    assert hours(span) == length_h


def test_the_day_that_samoa_skipped() -> None:
    before = period_of("day", "Pacific/Apia", us("2011-12-29T12:00:00", "Pacific/Apia"))
    after = period_of("day", "Pacific/Apia", us("2011-12-31T12:00:00", "Pacific/Apia"))
    assert before.end_us == after.start_us
    assert (hours(before), hours(after)) == (24, 24)


def test_weeks_begin_on_monday_and_months_on_their_first() -> None:
    wednesday = us("2026-11-25T10:00:00", "Asia/Tokyo")
    assert period_of("week", "Asia/Tokyo", wednesday) == Span(
        us("2026-11-23T00:00:00", "Asia/Tokyo"), us("2026-11-30T00:00:00", "Asia/Tokyo")
    )
    assert period_of("month", "UTC", us("2026-12-31T23:59:59")) == Span(
        us("2026-12-01T00:00:00"), us("2027-01-01T00:00:00")
    )


@pytest.mark.parametrize(
    ("at", "zone", "start"),
    [
        ("2026-10-25T00:59:59", "Europe/Berlin", "2026-10-25T00:00:00"),  # 02:59:59 summer time
        ("2026-10-25T01:00:00", "Europe/Berlin", "2026-10-25T01:00:00"),  # 02:00:00 winter time: another hour
        ("2026-07-01T10:10:00", "Asia/Kolkata", "2026-07-01T09:30:00"),
    ],
)
def test_hours_are_those_of_the_clock(at: str, zone: str, start: str) -> None:
    assert period_of("hour", zone, us(at)) == Span(us(start), us(start) + HOUR_US)


def test_the_hour_a_week_before_has_the_same_name_though_clocks_changed() -> None:
    zone = "Europe/Berlin"
    hour = period_of("hour", zone, us("2026-10-28T09:00:00", zone))
    assert hour_weeks_before(zone, hour, 1).start_us == us("2026-10-21T09:00:00", zone)
    assert hour.start_us - hour_weeks_before(zone, hour, 1).start_us == (7 * 24 + 1) * HOUR_US
    # 02:00 was skipped a week before: the hour that was then is taken.
    skipped = period_of("hour", zone, us("2026-04-05T02:00:00", zone))
    assert hour_weeks_before(zone, skipped, 1).start_us == us("2026-03-29T03:00:00", zone)


@given(st.integers(60, 2_678_400), TIMES)
def test_slices_are_a_sixtieth_of_the_window(window_s: int, at_us: int) -> None:
    found = slice_of(window_s, at_us)
    assert found.start_us <= at_us < found.end_us
    assert found.end_us - found.start_us == max(SECOND_US, window_s * SECOND_US // 60)
    assert slice_of(window_s, found.end_us).start_us == found.end_us


@pytest.mark.parametrize("at_us", [0, 2**63 - 1, -5])
def test_no_clock_is_too_broken(at_us: int) -> None:
    for kind in PERIODS:
        span = period_of(kind, "America/Los_Angeles", at_us)
        assert span.start_us < span.end_us


def test_an_unknown_zone_is_taken_for_utc(caplog: pytest.LogCaptureFixture) -> None:
    assert period_of("day", "Mars/Olympus", us("2026-11-25T10:00:00")).start_us == us("2026-11-25T00:00:00")
    assert "Mars/Olympus" in caplog.text
