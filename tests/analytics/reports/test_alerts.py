"""`GET /api/v1/alerts`: what was told, of one project, page by page."""

import uuid
from typing import Any

import pytest

from tallygate.schemas.records import Alert
from tests.support.api import running_api, stored
from tests.support.factories import NOV_2026_US

HOUR_US = 3_600_000_000


def alert(number: int, **given: Any) -> Alert:
    """The alert of an hour; two share each hour."""
    values = {
        "alert_id": str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))),
        "project": "default",
        "budget_id": "rule_1",
        "name": "Daily spend",
        "metric": "cost",
        "group": "ada",
        "group_by": "user",
        "period_start_us": NOV_2026_US,
        "period_end_us": NOV_2026_US + 24 * HOUR_US,
        "threshold": 40_000_000_000,
        "threshold_percent": 80,
        "limit": 50_000_000_000,
        "value": 41_000_000_000,
        "state": "firing",
        "window": "day",
        "raised_at_us": NOV_2026_US + number // 2 * HOUR_US,
        "requests": 12,
    }
    return Alert.model_validate(values | given)


async def test_an_alert_is_told_in_full() -> None:
    odd = alert(9, kind="anomaly", limit=None, baseline=5, state="resolved", resolves="x", notify=False)
    async with running_api(stored([], alerts=[alert(0), odd])) as api:
        answer = await api.get("/api/v1/alerts")
    later, earlier = answer["alerts"]
    assert answer["next_cursor"] is None
    assert earlier == {
        "alert_id": alert(0).alert_id,
        "raised_at": "2026-11-06T21:20:00Z",
        "rule_id": "rule_1",
        "name": "Daily spend",
        "state": "firing",
        "kind": "threshold",
        "metric": "cost",
        "direction": "above",
        "action": "notify",
        "group_by": "user",
        "group": "ada",
        "period_start": "2026-11-06T21:20:00Z",
        "period_end": "2026-11-07T21:20:00Z",
        "window": "day",
        "time_zone": "UTC",
        "threshold": 40_000_000_000,
        "threshold_percent": 80,
        "limit": 50_000_000_000,
        "value": 41_000_000_000,
        "projected": None,
        "baseline": None,
        "requests": 12,
        "notify": True,
        "resolves": "",
    }
    assert (later["state"], later["baseline"], later["limit"], later["notify"]) == (
        "resolved",
        5,
        None,
        False,
    )


async def test_pages_have_no_gap_or_repeat_and_nothing_of_others() -> None:
    mine = [alert(number) for number in range(9)]
    others = [alert(100 + number, project="other") for number in range(9)]
    async with running_api(stored([], alerts=[*mine, *others])) as api:
        found: list[str] = []
        cursor: tuple[tuple[str, str], ...] = ()
        for _ in range(5):
            page = await api.get("/api/v1/alerts", ("limit", "2"), *cursor)
            found += [one["alert_id"] for one in page["alerts"]]
            if page["next_cursor"] is None:
                break
            cursor = (("cursor", page["next_cursor"]),)
    in_order = sorted(mine, key=lambda one: (one.raised_at_us, one.alert_id), reverse=True)
    assert found == [one.alert_id for one in in_order]


async def test_by_rule_state_and_time() -> None:
    told = [alert(0), alert(2, budget_id="rule_2"), alert(4, state="resolved"), alert(6)]
    numbers = {one.alert_id: number for number, one in zip((0, 2, 4, 6), told, strict=True)}
    async with running_api(stored([], alerts=told)) as api:

        async def found(*pairs: tuple[str, str]) -> list[int]:
            page = await api.get("/api/v1/alerts", *pairs)
            return sorted(numbers[one["alert_id"]] for one in page["alerts"])

        assert await found(("rule", "rule_2")) == [2]
        assert await found(("state", "resolved")) == [4]
        assert await found(("rule", "rule_1"), ("state", "firing")) == [0, 6]
        assert await found(("from", "2026-11-06T22:20:00Z"), ("to", str(NOV_2026_US + 3 * HOUR_US))) == [2, 4]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "loud"),
        ("limit", "0"),
        ("limit", "501"),
        ("cursor", "1"),
        ("cursor", "1-x' OR 1"),
        ("cursor", "99999999999999999-0"),
        ("from", "yesterday"),
        ("rule", "r" * 65),
        ("group", "ada"),
        ("model", "gpt-4o"),
    ],
)
async def test_mistakes_are_told(name: str, value: str) -> None:
    async with running_api() as api:
        answer = await api.get("/api/v1/alerts", (name, value), status=400)
    assert answer["error"]["param"] == name
