"""The loop that sends: real receivers, a real mail server, a real store."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tallygate.control.deliveries import StoredDeliveries
from tallygate.control.records import Delivery, DeliveryDetail
from tallygate.control.store import channels
from tallygate.control.store import deliveries as stored
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import SmtpConfig
from tallygate.runtime.tasks import spawn
from tallygate.schemas.deliveries import Claimed, Tried, of_call
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.notify.addresses import AddressGuard
from tallygate.stream_processors.notify.courier import Courier, CourierOptions
from tallygate.stream_processors.notify.http import GuardedClient
from tallygate.stream_processors.notify.outcome import Outcome
from tallygate.stream_processors.notify.schedule import Schedule
from tallygate.stream_processors.notify.sender import Sender
from tallygate.stream_processors.notify.smtp import Mailer
from tests.stream_processors.notify.alerts import outgoing
from tests.support.control import add_channel, turn_channel
from tests.support.factories import call
from tests.support.mail_server import mail_server
from tests.support.receiver import Receiver, receiving
from tests.support.wait import eventually

FAST = CourierOptions(poll_s=0.02, retry_s=0.02, schedule=Schedule(delays_s=(0.01,) * 5))


@asynccontextmanager
async def courier(
    log: Any,
    options: CourierOptions = FAST,
    *,
    owner: str = "me",
    smtp: SmtpConfig | None = None,
    **given: Any,
) -> AsyncIterator[Courier]:
    """A courier at work."""
    client = GuardedClient(AddressGuard(["127.0.0.1"]), timeout_s=given.pop("timeout_s", 5))
    sender = Sender(client, Mailer(smtp or SmtpConfig(), timeout_s=5))
    made, stop = (
        Courier(log, given.pop("sender", sender), owner, options, chance=lambda: 0.0),
        asyncio.Event(),
    )
    running = spawn(made.run(stop), name="courier")
    try:
        yield made
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)
        await client.close()


def listed(store: ControlStore, **given: Any) -> list[Delivery]:
    with store.read() as session:
        return stored.listed(session, limit=500, **given)


def one(store: ControlStore) -> DeliveryDetail:
    (only,) = listed(store)
    with store.read() as session:
        return stored.show(session, only.id)


async def ended(store: ControlStore, state: str, count: int = 1) -> list[Delivery]:
    """Wait until so many deliveries have this state."""

    def there() -> list[Delivery] | None:
        found = [each for each in listed(store) if each.state == state]
        return found if len(found) >= count else None

    found = await eventually(there, within_s=30)
    assert found is not None
    return found


async def test_a_webhook_is_signed_and_told_once(store: ControlStore, deliveries: StoredDeliveries) -> None:
    async with receiving() as receiver, courier(deliveries) as at_work:
        issued = add_channel(store, url=receiver.url)
        receiver.secret = issued.signing_secret
        event = outgoing()
        deliveries.add([event])
        at_work.wake()
        (done,) = await ended(store, "delivered")
        deliveries.add([event])
        at_work.wake()
        await asyncio.to_thread(deliveries.counts)
    assert receiver.ids == [done.id]
    assert receiver.refused == 0
    (body,) = receiver.bodies
    assert (body["type"], body["data"]["name"]) == ("alert.firing", "Growth, daily")
    assert receiver.headers[0]["content-type"] == "application/json"
    assert [(each.status, each.error) for each in one(store).attempts] == [(200, "")]


async def test_slack_gets_blocks(store: ControlStore, deliveries: StoredDeliveries) -> None:
    async with receiving() as receiver, courier(deliveries):
        add_channel(store, kind="slack", url=receiver.url)
        deliveries.add([outgoing()])
        await ended(store, "delivered")
    (body,) = receiver.bodies
    assert "Growth, daily: cost is $40.10" in body["text"]
    assert [block["type"] for block in body["blocks"]] == ["header", "section"]
    assert "webhook-signature" not in receiver.headers[0]


async def test_mail(store: ControlStore, deliveries: StoredDeliveries) -> None:
    async with mail_server() as mailbox, courier(deliveries, smtp=mailbox.config()):
        add_channel(store, kind="email", url=None, addresses=("ops@example.com",))
        deliveries.add([outgoing()])
        (done,) = await ended(store, "delivered")
    (mail,) = mailbox.messages
    assert mail["Message-ID"] == f"<{done.id}@gateway.example>"


async def test_a_failure_is_tried_again_with_the_same_id(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    flaky = Receiver(answer=lambda number: web.Response(status=200 if number == 2 else 503))
    async with receiving(flaky) as receiver, courier(deliveries) as at_work:
        receiver.secret = add_channel(store, url=receiver.url).signing_secret
        deliveries.add([outgoing()])
        (done,) = await ended(store, "delivered")
    assert receiver.ids == [done.id] * 3
    assert done.tries == 3
    assert [each.status for each in one(store).attempts] == [200, 503, 503]
    assert at_work.tried == {("alert", "failed"): 2, ("alert", "delivered"): 1}
    assert len({body["timestamp"] for body in receiver.bodies}) == 1


async def test_what_never_works_is_given_up_and_can_be_sent_again(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    broken = Receiver(answer=lambda number: web.Response(status=200 if number > 5 else 500))
    async with receiving(broken) as receiver, courier(deliveries) as at_work:
        add_channel(store, url=receiver.url)
        deliveries.add([outgoing()])
        (dead,) = await ended(store, "dead")
        assert (dead.tries, dead.status, receiver.asked) == (6, 500, 6)
        with store.write("test") as change:
            stored.resend(change, dead.id)
        at_work.wake()
        await ended(store, "delivered")
    assert receiver.ids == [dead.id] * 7


async def test_410_turns_the_channel_off(store: ControlStore, deliveries: StoredDeliveries) -> None:
    async with receiving(Receiver(answer=lambda _: web.Response(status=410))) as receiver:
        async with courier(deliveries):
            channel = add_channel(store, url=receiver.url).channel.channel_id
            deliveries.add([outgoing()])
            (dead,) = await ended(store, "dead")

            def is_off() -> bool:
                with store.read() as session:
                    return not channels.show(session, channel).enabled

            await eventually(is_off)
        assert (dead.status, receiver.asked) == (410, 1)
        assert deliveries.add([outgoing()]).new == 0


async def test_what_waits_for_a_channel_that_is_turned_off_is_given_up(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    async with receiving() as receiver:
        channel = add_channel(store, url=receiver.url).channel.channel_id
        deliveries.add([outgoing()])
        turn_channel(store, channel, on=False)
        async with courier(deliveries):
            (dead,) = await ended(store, "dead")
        assert dead.error == "the channel is turned off"
        assert receiver.asked == 0


async def test_a_private_address_is_refused_and_the_reason_is_shown(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    options = CourierOptions(poll_s=0.02, schedule=Schedule(delays_s=()))
    async with receiving(host="127.0.0.2") as inside, courier(deliveries, options):
        add_channel(store, url=inside.url)
        deliveries.add([outgoing()])
        (dead,) = await ended(store, "dead")
        assert "127.0.0.2 is not a public address" in dead.error
        assert inside.asked == 0


async def test_a_receiver_that_hangs_keeps_nobody_else_waiting(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    hanging = Receiver(answers_after=asyncio.Event())
    options = CourierOptions(at_once=4, calls_at_once=3, per_channel=2, poll_s=0.02)
    async with receiving(hanging), receiving() as quick, courier(deliveries, options, timeout_s=20):
        add_channel(store, url=hanging.url)
        deliveries.add([outgoing() for _ in range(10)])
        await eventually(lambda: hanging.asked == 2)
        good = add_channel(store, url=quick.url).channel.channel_id
        deliveries.add([outgoing(channels=(good,)) for _ in range(10)])
        await ended(store, "delivered", 10)
        assert hanging.asked == 2
        assert hanging.answers_after is not None
        hanging.answers_after.set()


async def test_records_of_calls_leave_room_for_alerts(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    hanging = Receiver(answers_after=asyncio.Event())
    options = CourierOptions(at_once=4, calls_at_once=3, per_channel=8, poll_s=0.02)
    async with receiving(hanging), receiving() as quick, courier(deliveries, options, timeout_s=20):
        add_channel(store, url=hanging.url, events="calls")
        deliveries.add([of_call(call(webhook=True)) for _ in range(10)])
        await eventually(lambda: hanging.asked == 3)
        add_channel(store, url=quick.url)
        deliveries.add([outgoing()])
        await ended(store, "delivered")
        assert hanging.asked == 3
        assert hanging.answers_after is not None
        hanging.answers_after.set()


async def test_many_are_sent_within_the_limits_and_each_once(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    async with receiving() as receiver, courier(deliveries) as at_work:
        add_channel(store, url=receiver.url)
        deliveries.add([outgoing() for _ in range(200)])
        at_work.wake()
        done = await ended(store, "delivered", 200)
    assert sorted(receiver.ids) == sorted(each.id for each in done)


async def test_a_stop_finishes_what_is_under_way_and_gives_back_the_rest(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    """Whatever was not sent is free for the next process at once."""
    hanging = Receiver(answers_after=asyncio.Event())
    options = CourierOptions(poll_s=0.02, end_s=0.2)
    async with receiving(hanging) as receiver:
        add_channel(store, url=receiver.url)
        deliveries.add([outgoing()])
        async with courier(deliveries, options, timeout_s=20):
            await eventually(lambda: receiver.asked == 1)
        assert receiver.answers_after is not None
        receiver.answers_after.set()
        async with courier(deliveries, owner="another"):
            await ended(store, "delivered")
        assert len(set(receiver.ids)) == 1


async def test_an_error_of_ours_is_a_failure_of_that_delivery_only(
    store: ControlStore, deliveries: StoredDeliveries, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty:
        async def send(self, delivery: Claimed) -> Outcome:
            if delivery.tries == 0:
                raise KeyError("ours")
            return Outcome("delivered", status=200)

    add_channel(store)
    async with courier(deliveries, sender=Faulty()):
        deliveries.add([outgoing()])
        await ended(store, "delivered")
    assert "could not be made" in caplog.text
    assert [each.error for each in one(store).attempts] == [
        "",
        "an unexpected error; the notifier's log has it",
    ]


class Unsteady(StoredDeliveries):
    """A log whose store is away at times."""

    away = 0

    def claim(self, *given: Any, **named: Any) -> list[Claimed]:
        self._maybe_away()
        return super().claim(*given, **named)

    def record(self, owner: str, tried: Sequence[Tried]) -> None:
        self._maybe_away()
        super().record(owner, tried)

    def _maybe_away(self) -> None:
        if self.away:
            self.away -= 1
            raise RetryableError("away")


async def test_a_store_that_is_away_is_waited_for(store: ControlStore) -> None:
    log = Unsteady(store, max_waiting_calls=1)

    class Cutting:
        """The store goes away while a delivery is sent."""

        sent = 0

        async def send(self, delivery: Claimed) -> Outcome:
            log.away = 3
            self.sent += 1
            return Outcome("delivered", status=200)

    cutting = Cutting()
    add_channel(store)
    log.add([outgoing()])
    log.away = 3
    async with courier(log, sender=cutting):
        await ended(store, "delivered")
    assert cutting.sent == 1


async def test_from_an_event_to_its_receiver_is_quick(
    store: ControlStore, deliveries: StoredDeliveries
) -> None:
    async with receiving() as receiver, courier(deliveries, CourierOptions()) as at_work:
        add_channel(store, url=receiver.url)
        begun = time.monotonic()
        deliveries.add([outgoing()])
        at_work.wake()
        await eventually(lambda: receiver.asked, every_s=0.005)
        took_s = time.monotonic() - begun
    assert took_s < 2.0
