"""`GET /api/v1/forecast` over calls in ClickHouse."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.api import running_api, stored
from tests.support.factories import call

DAY_US = 86_400_000_000


def at(day: datetime, **fields: Any) -> Any:
    return call(received_at_us=int(day.timestamp() * 1_000_000), **fields)


async def test_a_past_month_is_forecast_as_of_then() -> None:
    # 10 a day from 1 to 20 October, at noon; asked at the beginning of the 21st: 20 days known, 11 to come.
    first = datetime(2026, 10, 1, 12, tzinfo=UTC)
    calls = [at(first + timedelta(days=n), cost_nanos=10) for n in range(31)]
    calls += [
        at(first, project="other", cost_nanos=10**9),
        at(first, user_id="x", priced=False, cost_nanos=None),
    ]
    async with running_api(stored(calls)) as api:
        told = await api.get("/api/v1/forecast?to=2026-10-21T00:00:00Z")
        mine = await api.get("/api/v1/forecast?to=2026-10-21T00:00:00Z&user=x")
    assert (told["month_start"], told["month_end"]) == ("2026-10-01", "2026-10-31")
    assert (told["spent_nanos"], told["unpriced"]) == (200, 1)
    assert [day["cost_nanos"] for day in told["known"]] == [10] * 20
    assert (told["month"]["low_nanos"], told["month"]["expected_nanos"], told["month"]["high_nanos"]) == (
        310,
        310,
        310,
    )
    assert told["month"]["expected_usd"] == "0.000000310"
    assert [day["day"] for day in told["month"]["days"]][::10] == ["2026-10-21", "2026-10-31"]
    assert (mine["spent_nanos"], mine["unpriced"]) == (0, 1)


async def test_days_begin_where_the_zone_says() -> None:
    late = datetime(2026, 10, 4, 22, 30, tzinfo=UTC)  # the 5th in Berlin and in Kathmandu
    async with running_api(stored([at(late, cost_nanos=7)])) as api:
        for zone, day in (
            ("UTC", "2026-10-04"),
            ("Europe/Berlin", "2026-10-05"),
            ("Asia/Kathmandu", "2026-10-05"),
        ):
            told = await api.get(f"/api/v1/forecast?to=2026-10-09T00:00:00Z&tz={zone}")
            assert [one["day"] for one in told["known"] if one["cost_nanos"]] == [day]
            assert told["spent_nanos"] == 7


async def test_without_calls_nothing_is_forecast() -> None:
    async with running_api() as api:
        told = await api.get("/api/v1/forecast")
        await api.get("/api/v1/forecast?tz=Mars/Base", status=400)
    assert (told["spent_nanos"], told["known"], told["month"]) == (0, [], None)
