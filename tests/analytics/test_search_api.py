"""`POST /api/v1/requests/search` as its callers see it."""

from typing import Any, get_args

import pytest

from tallygate.analytics.requests.order import SortField
from tallygate.schemas.filter_match import matches
from tallygate.schemas.filters import Condition
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.support.api import Api, running_api, stored
from tests.support.factories import NOV_2026_US, call
from tests.support.month import DAYS, OCT_20_US, month

PATH = "/api/v1/requests/search"
SPAN = {"from": str(OCT_20_US), "to": str(OCT_20_US + DAYS * 86_400_000_000)}
PROBLEMS = {"field": "outcome", "op": "eq", "value": "provider_error"}


async def all_ids(api: Api, body: dict[str, Any]) -> list[str]:
    """Ids on all pages."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await api.post(PATH, body | ({"cursor": cursor} if cursor else {}))
        found += [one["request_id"] for one in page["requests"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def value_of(one: Any, field: str) -> Any:
    """What a call is sorted by, less than anything if it is not known."""
    value = {
        "received_at": one.received_at_us,
        "cost_usd": one.cost_nanos,
        "latency_ms": one.latency_us,
        "ttft_ms": one.ttft_us,
        "attempts": len(one.attempts),
    }.get(field, getattr(one, field, None))
    return -1 if value is None else value


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("by", get_args(SortField))
async def test_every_order_page_by_page(by: str, order: str) -> None:
    calls, target = month()
    async with running_api(target) as api:
        found = await all_ids(api, {**SPAN, "sort": {"by": by, "order": order}, "limit": 90})
    by_id = {one.request_id: one for one in calls}
    assert sorted(found) == sorted(by_id)
    values = [value_of(by_id[request_id], by) for request_id in found]
    assert values == sorted(values, reverse=order == "desc")


async def test_pages_are_stable_while_calls_arrive() -> None:
    calls = [call(cost_nanos=n // 4, received_at_us=NOV_2026_US + n) for n in range(20)]
    target = stored(calls)
    body = {"from": str(NOV_2026_US), "sort": {"by": "cost_usd"}, "limit": 6}
    body |= {"to": str(NOV_2026_US + 10**9)}
    async with running_api(target) as api:
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(10):
            page = await api.post(PATH, body | ({"cursor": cursor} if cursor else {}))
            seen += [one["request_id"] for one in page["requests"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            store = ClickHouseStore(target)
            late = call(cost_nanos=10**6, received_at_us=NOV_2026_US + 100)
            store.insert_calls(0, [Placed(late.origin.seq, late)])
            store.close()
    assert sorted(seen) == sorted(one.request_id for one in calls)


async def test_the_filter_means_what_it_means_in_python() -> None:
    calls, target = month()
    wanted = [one.request_id for one in calls if matches(Condition(**PROBLEMS), one)]
    async with running_api(target) as api:
        page = await api.post(PATH, {**SPAN, "filter": PROBLEMS, "count": True, "limit": 7})
        found = await all_ids(api, {**SPAN, "filter": PROBLEMS, "limit": 7})
    assert (page["total"], len(page["requests"])) == (len(wanted), 7)
    assert sorted(found) == sorted(wanted)


async def test_without_a_period_it_is_the_last_days() -> None:
    async with running_api(stored([call(received_at_us=1_000_000)])) as api:
        assert await api.post(PATH, {}) == {"requests": [], "next_cursor": None, "total": None}
        assert len((await api.post(PATH, {"to": "1970-01-02"}))["requests"]) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-11-07", "to": "2026-11-06"}, "from"),
        ({"sort": {"by": "prompt"}}, "sort.by"),
        ({"sort": {"order": "up"}}, "sort.order"),
        ({"cursor": "x"}, "cursor"),
        ({"colour": "red"}, "colour"),
        ({"filter": {"and": [{"field": "model", "op": "regex", "value": "("}]}}, "filter.and[0].value"),
        ({"filter": {"field": "x\n`'", "op": "eq", "value": "y"}}, "filter.field"),
    ],
)
async def test_a_bad_body_is_named_by_its_path(body: dict[str, Any], param: str) -> None:
    async with running_api() as api:
        error = (await api.post(PATH, body, status=400))["error"]
    assert error["param"] == param
    assert error["code"] in ("invalid_request", "invalid_parameter")


async def test_a_cursor_of_another_order_is_refused() -> None:
    async with running_api(stored([call(received_at_us=NOV_2026_US) for _ in range(3)])) as api:
        body: dict[str, Any] = {"from": "2026-11-06", "to": "2026-11-08", "limit": 2}
        cursor = (await api.post(PATH, body))["next_cursor"]
        for sort in ({"by": "cost_usd"}, {"order": "asc"}):
            answer = await api.post(PATH, body | {"cursor": cursor, "sort": sort}, status=400)
            assert "another order" in answer["error"]["message"]


async def test_too_deep_or_broken_json_is_a_400() -> None:
    async with running_api() as api:
        for text in ('{"filter":' + '{"not":' * 50_000, "{", "[]", "null", '"x"', "\xff"):
            headers = {"Content-Type": "application/json"}
            async with api.client.post(PATH, data=text.encode("latin-1"), headers=headers) as response:
                assert response.status == 400
                assert (await response.json())["error"]["type"] == "tallygate_error"
