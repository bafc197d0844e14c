"""Deliveries in the control store."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from tallygate.control.deliveries import BACKLOG_S, StoredDeliveries
from tallygate.control.errors import ConflictError, NotFoundError
from tallygate.control.open import open_store
from tallygate.control.records import DeliveryDetail
from tallygate.control.specs import NewProject
from tallygate.control.store import audit, channels, deliveries, projects
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import Settings
from tallygate.schemas.deliveries import Claimed, Tried, delivery_id, of_call
from tests.stream_processors.notify.alerts import alert, outgoing
from tests.support.control import add_channel, now_us, turn_channel
from tests.support.factories import call

MINUTE_US = 60_000_000


@pytest.fixture
def log(store: ControlStore) -> StoredDeliveries:
    return StoredDeliveries(store, max_waiting_calls=100_000)


def claim(log: StoredDeliveries, owner: str = "me", **given: Any) -> list[Claimed]:
    now = given.pop("now_us", now_us())
    defaults: dict[str, Any] = {"limit": 100, "calls": 100, "room": {}, "per_channel": 100}
    return log.claim(owner, now_us=now, until_us=now + MINUTE_US, **(defaults | given))


def tried(delivery: str, state: str = "delivered", **given: Any) -> Tried:
    defaults: dict[str, Any] = {"at_us": now_us(), "duration_us": 1500, "status": 200}
    return Tried(delivery, state, **(defaults | given))  # type: ignore[arg-type]


def shown(store: ControlStore, wanted: str) -> DeliveryDetail:
    with store.read() as session:
        return deliveries.show(session, wanted)


def test_an_alert_goes_once_to_each_channel_that_takes_alerts(
    store: ControlStore, log: StoredDeliveries
) -> None:
    hook, mail = (
        add_channel(store).channel,
        add_channel(store, kind="email", url=None, addresses=("ops@example.com",)).channel,
    )
    add_channel(store, events="calls")
    turn_channel(store, add_channel(store).channel.channel_id, on=False)
    with store.write("test") as change:
        projects.create(change, NewProject(id="other"))
    add_channel(store, project="other")
    event = outgoing()
    assert log.add([event]).new == 2
    assert log.add([event, event]).new == 0
    claimed = claim(log)
    assert {one.channel_id for one in claimed} == {hook.channel_id, mail.channel_id}
    assert {one.delivery_id for one in claimed} == {
        delivery_id(event.event_id, channel_id, event.at_us)
        for channel_id in (hook.channel_id, mail.channel_id)
    }
    assert all(one.payload == event.payload for one in claimed)


def test_an_alert_may_name_its_channels(store: ControlStore, log: StoredDeliveries) -> None:
    wanted, _, off = add_channel(store).channel, add_channel(store), add_channel(store).channel
    turn_channel(store, off.channel_id, on=False)
    assert log.add([outgoing(channels=(wanted.channel_id, off.channel_id, "chan_of_nobody"))]).new == 1
    assert [one.channel_id for one in claim(log)] == [wanted.channel_id]


def test_channels_of_other_projects_cant_be_named(store: ControlStore, log: StoredDeliveries) -> None:
    with store.write("test") as change:
        projects.create(change, NewProject(id="other"))
    theirs = add_channel(store, project="other").channel
    assert log.add([outgoing(channels=(theirs.channel_id,))]).new == 0


def test_what_a_channel_needs_comes_with_the_claim(store: ControlStore, log: StoredDeliveries) -> None:
    issued = add_channel(store, url="https://hooks.example/secret-path")
    add_channel(store, kind="slack", url="https://hooks.slack.example/T/B/x")
    add_channel(store, kind="email", url=None, addresses=("a@example.com", "b@example.com"))
    log.add([outgoing()])
    by_kind = {one.reach.kind: one.reach for one in claim(log) if one.reach}
    assert by_kind["webhook"].url == "https://hooks.example/secret-path"
    assert by_kind["webhook"].signing_secrets == (issued.signing_secret,)
    assert by_kind["slack"].url == "https://hooks.slack.example/T/B/x"
    assert by_kind["slack"].signing_secrets == ()
    assert by_kind["email"].addresses == ("a@example.com", "b@example.com")
    assert "secret" not in repr(by_kind["webhook"])


def test_a_channel_that_is_gone_or_off_is_told(store: ControlStore, log: StoredDeliveries) -> None:
    gone, off = add_channel(store).channel.channel_id, add_channel(store).channel.channel_id
    log.add([outgoing()])
    turn_channel(store, off, on=False)
    with store.write("test") as change:
        channels.remove(change, gone)
    reaches = {one.channel_id: one.reach for one in claim(log)}
    assert reaches[gone] is None
    kept = reaches[off]
    assert kept is not None
    assert not kept.enabled


def test_a_sealed_value_that_cant_be_opened_stops_only_its_own(
    store: ControlStore, log: StoredDeliveries
) -> None:
    damaged, good = add_channel(store).channel.channel_id, add_channel(store).channel.channel_id
    with store.note() as change:
        change.session.execute(
            text("UPDATE channels SET sealed = :bytes WHERE id = :id"), {"bytes": b"x", "id": damaged}
        )
    log.add([outgoing()])
    reaches = {one.channel_id: one.reach for one in claim(log)}
    assert reaches[damaged] is None
    assert reaches[good] is not None


def test_what_is_claimed_is_nobody_elses_until_the_lease_ends(
    store: ControlStore, log: StoredDeliveries
) -> None:
    add_channel(store)
    log.add([outgoing()])
    now = now_us()
    assert len(claim(log, "a", now_us=now)) == 1
    assert claim(log, "b", now_us=now + MINUTE_US - 1) == []
    assert len(claim(log, "b", now_us=now + MINUTE_US)) == 1


def test_only_the_owner_records(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    log.add([outgoing()])
    now = now_us()
    (one,) = claim(log, "a", now_us=now)
    (same,) = claim(log, "b", now_us=now + MINUTE_US)
    assert same.delivery_id == one.delivery_id
    log.record("a", [tried(one.delivery_id, "dead", error="late")])
    assert shown(store, one.delivery_id).delivery.state == "waiting"
    log.record("b", [tried(one.delivery_id)])
    detail = shown(store, one.delivery_id)
    assert (detail.delivery.state, detail.delivery.tries, len(detail.attempts)) == ("delivered", 1, 1)
    log.record("b", [tried(one.delivery_id, "dead")])
    assert shown(store, one.delivery_id) == detail


def test_a_failure_waits_for_its_next_try(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    log.add([outgoing()])
    (one,) = claim(log)
    later = now_us() + 5 * MINUTE_US
    log.record("me", [tried(one.delivery_id, "waiting", status=503, error="it answered 503", next_us=later)])
    assert claim(log, now_us=later - 1) == []
    (again,) = claim(log, now_us=later)
    assert (again.tries, again.begun_us) == (1, one.begun_us)
    detail = shown(store, one.delivery_id)
    assert (detail.delivery.status, detail.delivery.error) == (503, "it answered 503")
    assert detail.attempts[0].duration_us == 1500


def test_what_an_owner_holds_can_be_given_back(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    log.add([outgoing(), outgoing()])
    first, _ = claim(log, "a")
    log.record("a", [tried(first.delivery_id)])
    log.release("a")
    assert len(claim(log, "b")) == 1


def test_alerts_come_before_calls_and_the_oldest_first(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    add_channel(store, events="calls")
    log.add([of_call(call()) for _ in range(5)])
    log.add([outgoing()])
    log.add([outgoing()])
    taken = claim(log, limit=4)
    assert [one.kind for one in taken].count("alert") == 2
    assert len(taken) == 4
    assert len(claim(log, limit=4, calls=1)) == 1
    assert claim(log, limit=4, calls=0) == []


def test_a_busy_channel_keeps_nobody_else_waiting(store: ControlStore, log: StoredDeliveries) -> None:
    busy, idle = add_channel(store).channel.channel_id, add_channel(store).channel.channel_id
    log.add([outgoing(channels=(busy,)) for _ in range(20)])
    log.add([outgoing(channels=(idle,))])
    taken = Counter(one.channel_id for one in claim(log, limit=3, per_channel=2, room={}))
    assert taken == {busy: 2}
    taken = Counter(one.channel_id for one in claim(log, limit=3, per_channel=2, room={busy: 0}))
    assert taken == {idle: 1}
    taken = Counter(one.channel_id for one in claim(log, limit=3, per_channel=2, room={busy: 1}))
    assert taken == {busy: 1}


def test_a_position_moves_with_what_was_found_up_to_it(store: ControlStore, log: StoredDeliveries) -> None:
    assert log.position("alerts") == -1
    add_channel(store)
    log.add([outgoing()], source="alerts", position=7)
    assert log.position("alerts") == 7
    log.add([], source="alerts", position=9)
    assert log.position("alerts") == 9
    assert log.position("calls") == -1


def test_calls_that_find_no_room_are_counted(store: ControlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallygate.control.deliveries.BACKLOG_S", 0.0)
    log = StoredDeliveries(store, max_waiting_calls=3)
    add_channel(store, events="calls")
    add_channel(store)
    added = log.add([of_call(call()) for _ in range(5)])
    assert (added.new, added.dropped) == (3, 2)
    assert log.add([outgoing() for _ in range(5)]).new == 5
    done = [one for one in claim(log) if one.kind == "call"]
    log.record("me", [tried(one.delivery_id) for one in done])
    added = log.add([of_call(call()) for _ in range(5)])
    assert (added.new, added.dropped) == (3, 2)
    assert BACKLOG_S > 0


def test_a_receiver_that_is_gone_turns_its_channel_off(store: ControlStore, log: StoredDeliveries) -> None:
    gone = add_channel(store).channel.channel_id
    before = store.stamp()
    log.turn_off([gone, "chan_of_nobody"], "the receiver answered 410 Gone")
    with store.read() as session:
        found = channels.show(session, gone)
        assert audit.listed(session, target=gone, limit=1)[0].actor == "notifier"
    assert (found.enabled, found.disabled_reason) == (False, "the receiver answered 410 Gone")
    assert store.stamp() != before
    assert log.add([outgoing()]).new == 0


def test_deliveries_are_no_change_that_edges_reload_for(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    before = store.stamp()
    log.add([outgoing()])
    (one,) = claim(log)
    log.record("me", [tried(one.delivery_id)])
    log.release("me")
    log.prune(now_us())
    assert store.stamp() == before


def test_old_ones_are_removed_when_they_have_ended(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    log.add([outgoing(), outgoing()])
    first, second = claim(log)
    log.record("me", [tried(first.delivery_id)])
    assert log.prune(now_us() - MINUTE_US) == 0
    assert log.prune(now_us() + MINUTE_US) == 1
    with pytest.raises(NotFoundError):
        shown(store, first.delivery_id)
    assert shown(store, second.delivery_id).delivery.state == "waiting"


def test_counts_of_what_has_not_been_delivered(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    log.add([outgoing() for _ in range(3)])
    first, second, _ = claim(log)
    log.record("me", [tried(first.delivery_id), tried(second.delivery_id, "dead")])
    assert log.counts() == {("alert", "waiting"): 1, ("alert", "dead"): 1}


def test_sending_again(store: ControlStore, log: StoredDeliveries) -> None:
    add_channel(store)
    log.add([outgoing()])
    (one,) = claim(log)
    with store.write("test") as change, pytest.raises(ConflictError, match="at this moment"):
        deliveries.resend(change, one.delivery_id)
    log.record("me", [tried(one.delivery_id, "dead", status=500, error="no")])
    assert claim(log) == []
    with store.write("test") as change:
        again = deliveries.resend(change, one.delivery_id)
    assert (again.state, again.tries) == ("waiting", 0)
    (same,) = claim(log)
    assert (same.delivery_id, same.tries) == (one.delivery_id, 0)
    assert same.begun_us > one.begun_us
    with store.read() as session:
        assert audit.listed(session, target=one.delivery_id, limit=1)[0].action == "delivery.resend"


def test_a_test_of_a_channel_is_a_delivery(store: ControlStore, log: StoredDeliveries) -> None:
    tested = add_channel(store, events="calls").channel.channel_id
    with store.write("test") as change:
        made = deliveries.test_channel(change, tested)
        other = deliveries.test_channel(change, tested)
    assert made.type == "channel.test"
    assert made.id != other.id
    assert {one.delivery_id for one in claim(log, calls=0)} == {made.id, other.id}
    turn_channel(store, tested, on=False)
    with store.write("test") as change, pytest.raises(ConflictError, match="turned off"):
        deliveries.test_channel(change, tested)
    with store.write("test") as change, pytest.raises(NotFoundError):
        deliveries.test_channel(change, "chan_of_nobody")


def test_listing_by_project_channel_and_state(store: ControlStore, log: StoredDeliveries) -> None:
    first, second = add_channel(store).channel.channel_id, add_channel(store).channel.channel_id
    log.add([outgoing() for _ in range(3)])
    taken = claim(log)
    log.record("me", [tried(one.delivery_id) for one in taken if one.channel_id == first])

    def ids(**given: Any) -> list[str]:
        with store.read() as session:
            return [one.id for one in deliveries.listed(session, **({"limit": 100} | given))]

    everything = ids()
    assert len(everything) == 6
    assert everything == sorted(everything, reverse=True)
    assert len(ids(channel=first)) == len(ids(state="delivered")) == 3
    assert ids(channel=second, state="delivered") == []
    assert ids(project="other") == []
    assert ids(limit=2) + ids(limit=4, before=everything[1]) == everything


def test_claims_at_once_never_take_the_same(
    settings: Settings, store: ControlStore, log: StoredDeliveries
) -> None:
    """Several processes; here threads, each with its own connections."""
    add_channel(store)
    log.add([outgoing() for _ in range(200)])
    begin = threading.Barrier(4)

    def work(number: int) -> list[str]:
        mine = open_store(settings)
        try:
            own = StoredDeliveries(mine, max_waiting_calls=1)
            begin.wait()
            taken: list[str] = []
            while found := claim(own, f"owner-{number}", limit=7):
                taken += [one.delivery_id for one in found]
                own.record(f"owner-{number}", [tried(one.delivery_id) for one in found])
            return taken
        finally:
            mine.close()

    with ThreadPoolExecutor(4) as threads:
        taken = [one for found in threads.map(work, range(4)) for one in found]
    # One that finds all that is due locked by others stops early; nobody takes what another has.
    taken += [one.delivery_id for one in claim(log, limit=200)]
    assert len(taken) == len(set(taken)) == 200


def test_adding_at_once_adds_once(settings: Settings, store: ControlStore) -> None:
    add_channel(store)
    events = [outgoing() for _ in range(50)]
    begin = threading.Barrier(3)

    def work(_: int) -> int:
        mine = open_store(settings)
        try:
            begin.wait()
            return StoredDeliveries(mine, max_waiting_calls=1).add(events).new
        finally:
            mine.close()

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(work, range(3))) == 50


def test_an_alert_that_nobody_shall_be_told_of() -> None:
    from tallygate.schemas.deliveries import of_alert

    assert of_alert(alert(notify=False)) is None


def test_the_same_event_has_the_same_id_everywhere() -> None:
    event = outgoing()
    first = delivery_id(event.event_id, "chan_1", event.at_us)
    assert first == delivery_id(event.event_id, "chan_1", event.at_us)
    assert first != delivery_id(event.event_id, "chan_2", event.at_us)
    assert first < delivery_id("another", "chan_1", event.at_us + 1000)
    assert len(first) == len("dlv_") + 32
