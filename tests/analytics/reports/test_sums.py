"""The reports' sums equal those made by hand, over random calls, in every way through ClickHouse."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tallygate.analytics.api.scope import DAY_US, Scope, period
from tallygate.analytics.reports.compared import ComparedQuery, compare
from tallygate.analytics.reports.latency import LatencyQuery, read_latency
from tallygate.analytics.reports.properties import PropertiesQuery, read_properties
from tallygate.analytics.reports.series import SeriesQuery, read_series
from tallygate.analytics.reports.sums import METRICS
from tallygate.analytics.requests.statement import Statement
from tallygate.runtime.clickhouse import connect
from tallygate.schemas.records import Call
from tests.support.api import running_api
from tests.support.month import DAYS, HOUR_US, OCT_20_US, month, same

END_US = OCT_20_US + DAYS * DAY_US
PERIODS = [
    (OCT_20_US, END_US),
    (OCT_20_US + 7 * HOUR_US, END_US - 5 * HOUR_US),
    (OCT_20_US + DAY_US + 1, END_US - DAY_US - 1),
]
DIMENSIONS: dict[str, Callable[[Call], str]] = {
    "model": lambda call: call.model,
    "provider": lambda call: call.provider,
    "user": lambda call: call.user_id,
    "key": lambda call: call.key_id,
    "outcome": lambda call: call.outcome,
    "status": lambda call: str(call.status),
    "stream": lambda call: "true" if call.stream else "false",
    "property.eNV": lambda call: call.properties.get("Env", ""),
    "session": lambda call: call.session_id,
    "cache": lambda call: call.cache,
    "property.tier": lambda call: call.properties.get("Tier", ""),
}


def nothing(_call: Call) -> str:
    """The group of all calls."""
    return ""


NOT_X = {"not": {"field": "property.env", "op": "eq", "value": "x"}}


def within(calls: list[Call], span: tuple[int, int]) -> list[Call]:
    """The calls of a period."""
    return [one for one in calls if span[0] <= one.received_at_us < span[1]]


def pairs(span: tuple[int, int], **more: str) -> list[tuple[str, str]]:
    """A query string."""
    return [("from", str(span[0])), ("to", str(span[1])), *more.items()]


@pytest.mark.parametrize("span", PERIODS)
async def test_groups_of_each_dimension(span: tuple[int, int]) -> None:
    calls, target = month()
    mine = within(calls, span)
    async with running_api(target) as api:
        for name, value in DIMENSIONS.items():
            told = await api.get("/api/v1/usage/compared", *pairs(span, by=name, limit="500"))
            assert same(told["total"], mine)
            assert told["count"] == len(told["groups"]) == len({value(one) for one in mine})
            for group in told["groups"]:
                own = [one for one in mine if value(one) == group["name"]]
                assert same(group, own), (name, group["name"])
                first, last = (extreme(one.received_at_us for one in own) for extreme in (min, max))
                assert (micros(group["first_seen"]), micros(group["last_seen"])) == (first, last)
                assert group["latency_ms_max"] == max(one.latency_us for one in own) / 1000


def micros(text: str) -> int:
    """A told time."""
    delta = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


@pytest.mark.parametrize("span", PERIODS)
@pytest.mark.parametrize(
    ("interval", "zone", "by"),
    [
        ("day", "UTC", None),
        ("day", "UTC", "user"),
        ("day", "Europe/Berlin", "model"),
        ("day", "Asia/Kolkata", "user"),
        ("hour", "Europe/Berlin", "key"),
        ("hour", "Asia/Kolkata", "model"),
        ("week", "America/New_York", "property.tier"),
        ("month", "UTC", "provider"),
    ],
)
async def test_series(span: tuple[int, int], interval: str, zone: str, by: str | None) -> None:
    calls, target = month()
    mine = within(calls, span)
    more = {"interval": interval, "tz": zone, "top": "2"} | ({"by": by} if by else {})
    async with running_api(target) as api:
        told = await api.get("/api/v1/usage/series", *pairs(span, **more))
    assert same(told["total"], mine)
    value = DIMENSIONS[by] if by else nothing
    top = {series["group"] for series in told["series"] if not series["other"]}
    assert len(top) == min(2, len({value(one) for one in mine}))
    starts = [micros(time) for time in told["times"]]
    assert starts[0] <= span[0]
    assert all(is_start(start, interval, ZoneInfo(zone)) for start in starts)
    ends = [*starts[1:], span[1]]
    for series in told["series"]:
        own = [
            one
            for one in mine
            if (value(one) not in top if series["other"] else value(one) == series["group"])
        ]
        assert same(series["total"], own)
        for start, end, point in zip(starts, ends, series["points"], strict=True):
            assert same(point, [one for one in own if start <= one.received_at_us < end])


def is_start(time_us: int, interval: str, zone: ZoneInfo) -> bool:
    """Whether such a part begins then."""
    local = datetime.fromtimestamp(time_us / 1_000_000, UTC).astimezone(zone)
    if interval == "hour":
        return local.minute == local.second == 0
    day = {"day": True, "week": local.weekday() == 0, "month": local.day == 1}[interval]
    return day and local.hour == local.minute == local.second == 0


@pytest.mark.parametrize("path", ["users", "models", "providers", "properties/Env"])
async def test_filters_hold_in_every_report(path: str) -> None:
    calls, target = month()
    mine = [one for one in within(calls, PERIODS[0]) if one.properties.get("Env") != "x" and one.model == "a"]
    more = {"filter": json.dumps(NOT_X), "model": "a"}
    async with running_api(target) as api:
        told = await api.get(f"/api/v1/{path}", *pairs(PERIODS[0], **more))
    assert same(told["total"], mine)
    assert sum(group["requests"] for group in told.get("groups", told.get("users"))) == len(mine)


@pytest.mark.parametrize("sort", [*METRICS, "first_seen", "last_seen"])
async def test_users_by_pages_in_any_order(sort: str) -> None:
    calls, target = month()
    mine = within(calls, PERIODS[1])
    async with running_api(target) as api:
        whole = await api.get("/api/v1/users", *pairs(PERIODS[1], sort=sort))
        paged: list[Any] = []
        offset: int | None = 0
        while offset is not None:
            where = pairs(PERIODS[1], sort=sort, limit="2", offset=str(offset))
            page = await api.get("/api/v1/users", *where)
            paged += page["users"]
            offset = page["next_offset"]
    assert [user["name"] for user in paged] == [user["name"] for user in whole["users"]]
    for user in paged:
        own = [one for one in mine if one.user_id == user["name"]]
        assert {share["model"]: share["requests"] for share in user["models"]} == {
            model: len([one for one in own if one.model == model]) for model in {one.model for one in own}
        }


async def test_one_user_whatever_the_name() -> None:
    calls, target = month()
    async with running_api(target) as api:
        told = await api.get("/api/v1/users/u%2F4", *pairs(PERIODS[0]))
        answer = await api.get("/api/v1/users/nobody", *pairs(PERIODS[0]), status=404)
    assert same(told, [one for one in within(calls, PERIODS[0]) if one.user_id == "u/4"])
    assert answer["error"]["code"] == "not_found"


async def test_quantiles_are_near() -> None:
    calls, target = month()
    latencies = sorted(one.latency_us for one in within(calls, PERIODS[0]) if one.model == "a")
    async with running_api(target) as api:
        told = await api.get("/api/v1/latency", *pairs(PERIODS[0], by="model"))
        daily = await api.get("/api/v1/latency", *pairs(PERIODS[0], interval="day"))
    row = next(row for row in told["rows"] if row["group"] == "a")
    for level, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        place = sum(latency <= row["latency_ms"][level] * 1000 for latency in latencies) / len(latencies)
        assert abs(place - share) < 0.02
    assert sum(row["requests"] for row in daily["rows"]) == len(within(calls, PERIODS[0]))


READS = [
    ("hourly", lambda rows, scope: read_series(rows, scope, SeriesQuery())),
    ("hourly", lambda rows, scope: read_series(rows, scope, SeriesQuery(by="model", tz="Europe/Berlin"))),
    ("daily_by_user", lambda rows, scope: read_series(rows, scope, SeriesQuery(by="user"))),
    ("daily hourly", lambda rows, scope: compare(rows, scope, "user", ComparedQuery())),
    ("hourly daily", lambda rows, scope: compare(rows, scope, "model", ComparedQuery(sort="errors"))),
    (
        "daily hourly",
        lambda rows, scope: compare(rows, scope, "property.Team", ComparedQuery(sort="last_seen")),
    ),
    ("hourly_latency", lambda rows, scope: read_latency(rows, scope, LatencyQuery(interval="day"))),
    ("daily", lambda rows, scope: read_latency(rows, scope, LatencyQuery(by="model"))),
    ("daily", lambda rows, scope: read_properties(rows, scope, PropertiesQuery())),
]


@pytest.mark.parametrize(("projections", "read"), READS)
def test_sums_are_read_from_projections(projections: str, read: Any) -> None:
    _, target = month()
    session = connect(target)
    plans: list[str] = []

    def rows(statement: Statement) -> list[tuple[Any, ...]]:
        plan = session.raw("EXPLAIN indexes = 1 " + statement.sql, "TabSeparatedRaw", statement.values)
        plans.append(plan.decode())
        return session.rows(statement.sql, statement.values)

    read(rows, Scope("default", OCT_20_US, END_US, ()))
    session.close()
    for plan in plans:
        assert any(f"({name}" in plan for name in projections.split()), plan


def test_a_period_that_is_not_told() -> None:
    now_us = OCT_20_US + 5
    assert period(None, None, now_us) == (OCT_20_US + HOUR_US - 30 * DAY_US, OCT_20_US + HOUR_US)
    assert period(7, None, now_us) == (7, OCT_20_US + HOUR_US)
    assert period(None, END_US, now_us) == (END_US - 30 * DAY_US, END_US)
    assert period(None, 7, now_us) == (0, 7)
    assert period(END_US + 1, None, now_us) == (END_US + 1, END_US + HOUR_US)


@pytest.mark.parametrize(
    ("path", "query", "param"),
    [
        ("usage/series", {"interval": "minute"}, "interval"),
        ("usage/series", {"interval": "year"}, "interval"),
        ("usage/series", {"tz": "Mars"}, "tz"),
        ("usage/series", {"tz": "../etc/passwd"}, "tz"),
        ("usage/series", {"by": "colour"}, "by"),
        ("usage/series", {"by": "property."}, "by"),
        ("usage/series", {"top": "51"}, "top"),
        ("usage/series", {"metric": "x"}, "metric"),
        ("usage/compared", {}, "by"),
        ("users", {"limit": "0"}, "limit"),
        ("users", {"offset": "-1"}, "offset"),
        ("users", {"sort": "name"}, "sort"),
        ("users", {"colour": "red"}, "colour"),
        ("users/u1", {"limit": "5"}, "limit"),
        ("users", {"filter": "{"}, "filter"),
        ("users", {"filter": "[" * 2000}, "filter"),
        ("users", {"filter": '{"and": [{"field": "x", "op": "eq"}]}'}, "filter.and[0].field"),
        ("models", {"status": "xx"}, "status"),
        ("latency", {"interval": "minute"}, "interval"),
        ("sessions", {"sort": "name"}, "sort"),
        ("rate-limits", {"interval": "minute"}, "interval"),
    ],
)
async def test_a_bad_parameter_is_named(path: str, query: dict[str, str], param: str) -> None:
    _, target = month()
    async with running_api(target) as api:
        error = (await api.get(f"/api/v1/{path}", *pairs(PERIODS[0], **query), status=400))["error"]
    assert (error["code"], error["param"]) == ("invalid_parameter", param)


async def test_what_is_given_twice_is_refused() -> None:
    _, target = month()
    async with running_api(target) as api:
        error = (await api.get("/api/v1/users", ("limit", "5"), ("limit", "6"), status=400))["error"]
    assert error["param"] == "limit"
