"""The delivery log through the admin API, on both databases."""

from typing import Any

import pytest

from tallygate.control.deliveries import StoredDeliveries
from tallygate.control.store.database import ControlStore
from tallygate.schemas.deliveries import Tried
from tests.control.api.test_api import api, call
from tests.stream_processors.notify.alerts import outgoing
from tests.support.control import add_channel, now_us

MINUTE_US = 60_000_000
NOBODY = "0" * 32


def failed_delivery(store: ControlStore) -> str:
    """Id of a delivery that was given up."""
    log = StoredDeliveries(store, max_waiting_calls=1)
    log.add([outgoing()])
    at = now_us()
    (one,) = log.claim("me", now_us=at, until_us=at + MINUTE_US, limit=1, calls=1, room={}, per_channel=1)
    log.record("me", [Tried(one.delivery_id, "dead", at, 1500, 500, "the receiver answered 500")])
    return one.delivery_id


async def test_a_delivery_is_listed_shown_and_sent_again(store: ControlStore) -> None:
    channel = add_channel(store).channel.channel_id
    dead = failed_delivery(store)
    async with api(store) as client:
        (listed,) = (await call(client, "GET", "/deliveries?project=default&state=dead"))["data"]
        assert (listed["id"], listed["channel_id"], listed["status"]) == (dead, channel, 500)
        shown = await call(client, "GET", f"/deliveries/{dead}")
        assert shown["delivery"] == listed
        assert shown["payload"]["type"] == "alert.firing"
        assert [each["error"] for each in shown["attempts"]] == ["the receiver answered 500"]
        again = await call(client, "POST", f"/deliveries/{dead}/resend", {})
        assert (again["id"], again["state"], again["tries"]) == (dead, "waiting", 0)
        assert (await call(client, "GET", f"/deliveries?channel={channel}&state=dead"))["data"] == []
        (noted,) = (await call(client, "GET", f"/audit?target={dead}"))["data"]
        assert noted["action"] == "delivery.resend"


async def test_pages_of_deliveries(store: ControlStore) -> None:
    add_channel(store)
    StoredDeliveries(store, max_waiting_calls=1).add([outgoing() for _ in range(5)])
    async with api(store) as client:
        first = await call(client, "GET", "/deliveries?limit=3")
        second = await call(client, "GET", f"/deliveries?limit=3&cursor={first['next_cursor']}")
        assert len({one["id"] for one in first["data"] + second["data"]}) == 5
        assert second["next_cursor"] is None


async def test_a_channel_is_tested(store: ControlStore) -> None:
    channel = add_channel(store).channel.channel_id
    async with api(store) as client:
        made = await call(client, "POST", f"/channels/{channel}/test", {}, 201)
        assert (made["type"], made["state"]) == ("channel.test", "waiting")
        await call(client, "PATCH", f"/channels/{channel}", {"enabled": False})
        refused = await call(client, "POST", f"/channels/{channel}/test", {}, 409)
        assert "turned off" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", f"/deliveries/dlv_{NOBODY}", None, 404),
        ("GET", "/deliveries/dlv_1", None, 404),
        ("POST", f"/deliveries/dlv_{NOBODY}/resend", {}, 404),
        ("POST", f"/deliveries/dlv_{NOBODY}/resend", {"now": True}, 400),
        ("POST", f"/channels/chan_{NOBODY}/test", {}, 404),
        ("GET", "/deliveries?state=lost", None, 400),
        ("GET", "/deliveries?cursor=x", None, 400),
        ("GET", "/deliveries?channel=x", None, 400),
        ("GET", "/deliveries?limit=0", None, 400),
        ("GET", "/deliveries?who=me", None, 400),
    ],
)
async def test_what_is_refused(
    store: ControlStore, method: str, path: str, given: dict[str, Any] | None, status: int
) -> None:
    async with api(store) as client:
        await call(client, method, path, given, status)
