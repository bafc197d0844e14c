"""Rules, channels, call webhooks and prices through the admin API, on both databases."""

from typing import Any

import pytest

from tallygate.control.store.database import ControlStore
from tests.control.api.test_api import api, call

CHANNEL = {
    "project": "default",
    "name": "ops",
    "kind": "webhook",
    "url": "https://ops.example/canary-0123456789",
}
RULE = {"project": "default", "name": "daily", "metric": "cost", "limit_usd": "50"}
PRICE = {"project": "default", "model": "gpt-*", "prices": {"input": "2.5", "output": 10}}


async def test_notify_when_daily_spend_exceeds_50_dollars_is_one_call(store: ControlStore) -> None:
    async with api(store) as client:
        made = await call(client, "POST", "/rules", RULE, 201)
        assert made["limit"] == 50_000_000_000
        assert made["window"] == {"kind": "calendar", "period": "day"}
        assert (made["action"], made["thresholds_percent"], made["channels"]) == ("notify", [100], [])
        path = f"/rules/{made['rule_id']}"
        assert await call(client, "GET", path) == made
        muted = await call(client, "PATCH", path, {"muted_until": "2030-01-01T00:00:00Z"})
        assert muted == {**made, "muted_until_us": 1_893_456_000_000_000, "revision": 2}
        assert (await call(client, "GET", "/rules?project=default"))["data"] == [muted]
        assert [one.rule_id for one in store.snapshot().rule_book.rules["default"]] == [made["rule_id"]]
        await call(client, "DELETE", path, status=204)
        await call(client, "GET", path, status=404)


async def test_a_channels_secrets_are_shown_once(store: ControlStore) -> None:
    async with api(store) as client:
        made = await call(client, "POST", "/channels", CHANNEL, 201)
        path = f"/channels/{made['channel']['channel_id']}"
        signing = made["signing_secret"]
        assert signing.startswith("whsec_")
        answers = [made["channel"], await call(client, "GET", path), await call(client, "GET", "/channels")]
        answers.append(await call(client, "PATCH", path, {"url": "https://ops.example/canary-9876543210"}))
        rotated = await call(client, "POST", path + "/rotate", {})
        assert rotated["signing_secret"] != signing
        answers += [rotated["channel"], await call(client, "GET", "/audit")]
        answers.append(await call(client, "POST", "/channels", {**CHANNEL, "url": "ftp://canary"}, 400))
        for told in answers:
            assert "canary" not in str(told)
            assert "whsec_" not in str(told)
        assert answers[3]["target"] == "https://ops.example/…3210"
        await call(client, "DELETE", path, status=204)


async def test_hooks_and_prices(store: ControlStore) -> None:
    async with api(store) as client:
        channel = await call(client, "POST", "/channels", {**CHANNEL, "events": "calls"}, 201)
        channel_id = channel["channel"]["channel_id"]
        given = {"project": "default", "name": "some", "channel_id": channel_id, "sample_percent": 12.5}
        hook = await call(client, "POST", "/hooks", given, 201)
        changed = await call(client, "PATCH", f"/hooks/{hook['hook_id']}", {"include_bodies": True})
        assert changed == {**hook, "include_bodies": True}
        refused = await call(client, "DELETE", f"/channels/{channel_id}", status=409)
        assert hook["hook_id"] in refused["error"]["message"]
        await call(client, "DELETE", f"/hooks/{hook['hook_id']}", status=204)
        price = await call(client, "POST", "/prices", PRICE, 201)
        assert price["prices"] == {"input": "2.5", "output": "10"}
        changed = await call(client, "PATCH", f"/prices/{price['price_id']}", {"name": "contract"})
        assert (await call(client, "GET", "/prices"))["data"] == [changed]
        await call(client, "DELETE", f"/prices/{price['price_id']}", status=204)


async def test_pages_have_no_gap_or_repeat(store: ControlStore) -> None:
    async with api(store) as client:
        for number in range(5):
            await call(client, "POST", "/rules", {**RULE, "name": f"r{number}"}, 201)
        found: list[Any] = []
        cursor = ""
        while cursor is not None:
            page = await call(client, "GET", "/rules?limit=2" + (f"&cursor={cursor}" if cursor else ""))
            found += [one["name"] for one in page["data"]]
            cursor = page["next_cursor"]
        assert found == ["r4", "r3", "r2", "r1", "r0"]


NONE = "0" * 32


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "param"),
    [
        ("POST", "/rules", {}, 400, "project"),
        ("POST", "/rules", {**RULE, "limit_usd": None}, 400, "limit"),
        ("POST", "/rules", {**RULE, "limit_usd": "0"}, 400, "limit"),
        ("POST", "/rules", {**RULE, "metric": "requests"}, 400, "limit_usd"),
        ("POST", "/rules", {**RULE, "threshold": 80}, 400, "threshold"),
        ("POST", "/rules", {**RULE, "action": "block", "window": "15m"}, 400, "window"),
        ("POST", "/rules", {**RULE, "channels": [f"chan_{NONE}"]}, 400, "channels"),
        ("POST", "/rules", {**RULE, "project": "nowhere"}, 404, None),
        (
            "POST",
            "/rules",
            {**RULE, "filter": {"and": [{"field": "model", "op": "above", "value": "x"}]}},
            400,
            "filter.and[0].op",
        ),
        ("POST", "/rules", {**RULE, "filter": {"and": []}}, 400, "filter.and"),
        ("PATCH", f"/rules/rule_{NONE}", {}, 404, None),
        ("PATCH", f"/rules/rule_{NONE}", {"project": "x"}, 400, "project"),
        ("DELETE", f"/rules/rule_{NONE}", None, 404, None),
        ("GET", "/rules/rule_1", None, 404, None),
        ("GET", "/rules?cursor=1", None, 400, "cursor"),
        ("GET", "/rules?state=on", None, 400, "state"),
        ("POST", "/channels", {**CHANNEL, "url": None}, 400, "url"),
        ("POST", f"/channels/chan_{NONE}/rotate", {"x": 1}, 400, "x"),
        ("POST", f"/channels/chan_{NONE}/rotate", {}, 404, None),
        ("PATCH", f"/channels/chan_{NONE}", {"url": "x"}, 400, "url"),
        (
            "POST",
            "/hooks",
            {"project": "default", "name": "n", "channel_id": f"chan_{NONE}"},
            400,
            "channel_id",
        ),
        ("POST", "/prices", {**PRICE, "prices": {}}, 400, "prices"),
        ("POST", "/prices", {**PRICE, "prices": {"input": "-1"}}, 400, "prices.input"),
        ("GET", f"/prices/price_{NONE}", None, 404, None),
    ],
)
async def test_mistakes_are_told(
    store: ControlStore, method: str, path: str, given: Any, status: int, param: str | None
) -> None:
    async with api(store) as client:
        error = (await call(client, method, path, given, status))["error"]
    assert (error["type"], error["param"]) == ("tallygate_error", param)
    assert error["message"]
