"""Alerts and calls told as a user meets it: `tallygate up`, rules by the API, real receivers, kills."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.end_to_end.conftest import Embedded
from tests.end_to_end.stack import children
from tests.support.mail_server import Mailbox, mail_server
from tests.support.receiver import Receiver, receiving
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Who is told?"}]}
CROSSINGS = 20


@pytest.fixture(scope="module")
def mail_port(unused_tcp_port_factory: Any) -> int:
    """Where the tests' mail server listens."""
    return int(unused_tcp_port_factory())


@pytest.fixture(scope="module")
def system(simulator: str, mail_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A system that may tell receivers on this machine."""
    made = Embedded(
        simulator,
        tmp_path_factory.mktemp("notices"),
        TALLYGATE_NOTIFY__ALLOW_PRIVATE='["127.0.0.0/8"]',
        TALLYGATE_NOTIFY__TIMEOUT_S="5",
        TALLYGATE_SMTP__HOST="127.0.0.1",
        TALLYGATE_SMTP__PORT=str(mail_port),
        TALLYGATE_SMTP__SECURITY="none",
        TALLYGATE_SMTP__SENDER="tallygate@gateway.example",
    )
    with ExitStack() as stack:
        stack.callback(lambda: made.process.__exit__(None, None, None))
        yield made
        assert made.process.stop() == 0, made.process.tail()


async def admin(system: Embedded, method: str, path: str, given: dict[str, Any] | None = None) -> Any:
    """A call of the admin API."""
    async with httpx2.AsyncClient(base_url=f"{system.gateway.api}/api/v1/admin") as client:
        answer = await client.request(method, path, json=given, timeout=30)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


async def call(system: Embedded, user: str, **headers: str) -> str:
    """A call of a user; its id."""
    async with httpx2.AsyncClient(base_url=system.gateway.url) as client:
        sent = {"Authorization": "Bearer sk-test", "Tallygate-User-Id": user, **headers}
        answer = await client.post("/v1/chat/completions", json=BODY, headers=sent, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["tallygate-id"])


@asynccontextmanager
async def webhook(system: Embedded, **given: Any) -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver and its channel, which is turned off afterwards."""
    async with receiving() as receiver:
        new = {"project": "default", "name": "hook", "kind": "webhook", "url": receiver.url, **given}
        made = await admin(system, "POST", "/channels", new)
        receiver.secret = made["signing_secret"]
        channel = made["channel"]["channel_id"]
        try:
            yield receiver, channel
        finally:
            await admin(system, "PATCH", f"/channels/{channel}", {"enabled": False})


@asynccontextmanager
async def each_user_told(system: Embedded, *channels: str) -> AsyncIterator[None]:
    """A rule that tells of every user's first call in a month; in force when the block begins."""
    new = {
        "project": "default",
        "name": "first call",
        "metric": "requests",
        "limit": 1,
        "window": {"kind": "calendar", "period": "month"},
        "group_by": "user",
        "channels": list(channels),
    }
    rule = (await admin(system, "POST", "/rules", new))["rule_id"]
    try:
        yield
    finally:
        await admin(system, "DELETE", f"/rules/{rule}")


async def test_from_a_crossing_to_the_receiver(system: Embedded) -> None:
    async with webhook(system) as (receiver, channel), each_user_told(system, channel):
        await eventually_first(system, receiver)
        took: list[float] = []
        for number in range(CROSSINGS):
            begun = time.monotonic()
            await call(system, f"quick-{number}")
            await until_told(receiver, f"quick-{number}")
            took.append(time.monotonic() - begun)
        await call(system, "quick-0")  # told once a month
    took.sort()
    print(f"median {took[CROSSINGS // 2]:.3f} s, most {took[-1]:.3f} s")
    assert took[CROSSINGS // 2] < 2.0
    assert receiver.refused == 0
    assert sorted(groups(receiver)) == sorted(set(groups(receiver)))
    assert receiver.bodies[0]["data"]["value"] == 1


async def test_kills_of_the_core_lose_no_alert_and_no_call(system: Embedded) -> None:
    async with (
        webhook(system) as (receiver, channel),
        webhook(system, events="calls") as (of_calls, _),
        each_user_told(system, channel),
    ):
        await eventually_first(system, receiver)
        asked: list[str] = []
        for number in range(40):
            asked.append(await call(system, f"killed-{number}", **{"Tallygate-Webhook-Enabled": "true"}))
            if number % 8 == 4:
                for pid in children(system.process, "core"):
                    os.kill(pid, signal.SIGKILL)
        wanted = {f"killed-{number}" for number in range(40)}
        await eventually(lambda: wanted <= set(groups(receiver)), within_s=90)
        await eventually(lambda: set(asked) <= set(request_ids(of_calls)), within_s=90)
    # What was on its way at a kill comes again, by the same id.
    for one, same in ((receiver, groups), (of_calls, request_ids)):
        assert one.refused == 0
        assert len(set(one.ids)) == len(set(same(one)))
    assert set(request_ids(of_calls)) == set(asked)


async def test_slack_mail_and_a_test_of_a_channel(system: Embedded, mail_port: int) -> None:
    async with mail_server(Mailbox(), port=mail_port) as mailbox, receiving() as slack:
        new = {"project": "default", "name": "people"}
        to_slack = await admin(system, "POST", "/channels", {**new, "kind": "slack", "url": slack.url})
        to_mail = await admin(
            system, "POST", "/channels", {**new, "kind": "email", "addresses": ["ops@example.com"]}
        )
        ids = [made["channel"]["channel_id"] for made in (to_slack, to_mail)]
        for channel in ids:
            tested = await admin(system, "POST", f"/channels/{channel}/test", {})
            await until_delivered(system, tested["id"])
        async with each_user_told(system, *ids):
            await eventually(lambda: told_of_new_user(system, slack), within_s=60, every_s=1.0)
            await eventually(lambda: len(mailbox.messages) >= 2, within_s=30)
    assert "Test of a Tallygate channel" in slack.bodies[0]["text"]
    assert any("first call: requests is 1 and has reached 1" in body["text"] for body in slack.bodies)
    assert mailbox.messages[0]["Subject"].strip() == "Test of a Tallygate channel"


async def test_metrics_tell_of_deliveries(system: Embedded) -> None:
    async with httpx2.AsyncClient() as client:
        text = (await client.get(f"{system.gateway.api}/metrics")).text
    assert 'tallygate_notify_tries_total{kind="alert",result="delivered"}' in text


async def eventually_first(system: Embedded, receiver: Receiver) -> None:
    """Wait until the rule is in force: the first user is told."""
    await eventually(lambda: told_of_new_user(system, receiver), within_s=60, every_s=1.0)


_users = iter(range(1_000_000))


async def told_of_new_user(system: Embedded, receiver: Receiver) -> bool:
    await call(system, f"first-{next(_users)}")
    await asyncio.sleep(1.0)
    return bool(receiver.bodies) and any("first" in str(body) for body in receiver.bodies)


async def until_delivered(system: Embedded, delivery: str) -> None:
    async def is_delivered() -> bool:
        found = await admin(system, "GET", f"/deliveries/{delivery}")
        return bool(found["delivery"]["state"] == "delivered")

    await eventually(is_delivered, within_s=30)


async def until_told(receiver: Receiver, user: str) -> None:
    await eventually(lambda: user in groups(receiver), within_s=30, every_s=0.005)


def groups(receiver: Receiver) -> list[str]:
    return [body["data"]["group"] for body in receiver.bodies]


def request_ids(receiver: Receiver) -> list[str]:
    return [body["data"]["request_id"] for body in receiver.bodies]
