"""Rules, channels, call webhooks and prices over both databases: their lives, and what processors see."""

import logging
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from tallygate.control.accounting.channel_specs import ChannelPatch, HookPatch, NewHook
from tallygate.control.accounting.price_specs import NewPrice, PricePatch
from tallygate.control.accounting.rule_specs import RulePatch
from tallygate.control.errors import ConflictError, InvalidError, NotFoundError
from tallygate.control.specs import NewProject, ProjectPatch
from tallygate.control.store import audit, channels, hooks, prices, projects, rules
from tallygate.control.store.database import ControlStore
from tallygate.control.store.tables import RuleRow
from tallygate.runtime.config import Settings
from tallygate.schemas.rules import CallHook, Channel, PriceOverride, Rule
from tests.support.control import add_channel, add_rule, running_feed


def add_project(store: ControlStore, project: str, **settings: Any) -> None:
    with store.write("test") as change:
        projects.create(change, NewProject(id=project))
        projects.patch(change, project, ProjectPatch.model_validate({"settings": settings}))


def archive(store: ControlStore, project: str, *, archived: bool) -> None:
    with store.write("test") as change:
        projects.patch(change, project, ProjectPatch(archived=archived))


def patch_rule(store: ControlStore, rule: Rule, **given: Any) -> Rule:
    with store.write("test") as change:
        return rules.patch(change, rule.rule_id, RulePatch.model_validate(given))


def patch_channel(store: ControlStore, channel: Channel, **given: Any) -> Channel:
    with store.write("test") as change:
        return channels.patch(change, channel.channel_id, ChannelPatch.model_validate(given))


def add_hook(store: ControlStore, channel: Channel, **given: Any) -> CallHook:
    asked = {"project": channel.project, "name": "all", "channel_id": channel.channel_id}
    with store.write("test") as change:
        return hooks.create(change, NewHook.model_validate(asked | given))


def add_price(store: ControlStore, **given: Any) -> PriceOverride:
    asked = {"project": "default", "model": "gpt-*", "prices": {"input": "2.50"}}
    with store.write("test") as change:
        return prices.create(change, NewPrice.model_validate(asked | given))


def actions(store: ControlStore) -> list[str]:
    with store.read() as session:
        return [entry.action for entry in audit.listed(session, limit=500)][::-1]


def test_a_rules_whole_life(store: ControlStore) -> None:
    add_project(store, "team", time_zone="Asia/Tokyo")
    rule = add_rule(store, project="team", filter={"not": {"field": "model", "op": "eq", "value": "x"}})
    assert (rule.time_zone, rule.revision) == ("Asia/Tokyo", 1)
    assert store.snapshot().rule_book.rules == {"team": (rule,)}
    assert store.snapshot().rule_book.time_zone("team") == "Asia/Tokyo"
    after = patch_rule(store, rule, limit_usd="60", group_by="user")
    assert (after.limit, after.group_by, after.revision, after.counting_revision) == (
        60 * 10**9,
        "user",
        2,
        2,
    )
    with store.read() as session:
        assert rules.show(session, rule.rule_id) == after
        assert rules.listed(session, project="team", limit=9) == [after]
        assert rules.listed(session, project="default", limit=9) == []
    patch_rule(store, rule, enabled=False)
    assert store.snapshot().rule_book.rules == {}
    with store.write("test") as change:
        rules.remove(change, rule.rule_id)
    with store.write("test") as change, pytest.raises(NotFoundError):
        rules.remove(change, rule.rule_id)
    assert actions(store)[2:] == ["rule.create", "rule.update", "rule.update", "rule.remove"]


def test_the_audit_log_tells_what_was_given(store: ControlStore) -> None:
    rule = add_rule(store, window="month", filter={"field": "user_id", "op": "eq", "value": "ada"})
    patch_rule(store, rule, muted_until="2030-01-01T00:00:00Z", limit_usd="0.5")
    with store.read() as session:
        updated, created = audit.listed(session, target=rule.rule_id, limit=9)
    assert created.project == "default"
    assert created.detail == {
        "name": "daily",
        "metric": "cost",
        "limit_usd": "50",
        "window": {"kind": "calendar", "period": "month"},
        "filter": {"field": "user_id", "op": "eq", "value": "ada"},
    }
    assert updated.detail == {"muted_until": "2030-01-01T00:00:00Z", "limit_usd": "0.5"}


def test_what_is_refused_changes_nothing(store: ControlStore) -> None:
    rule = add_rule(store)
    before = store.dump().rules
    for given, param in (
        ({"action": "block", "window": "15m"}, "window"),
        ({"channels": ["chan_" + "0" * 32]}, "channels"),
    ):
        with pytest.raises(InvalidError) as caught:
            patch_rule(store, rule, **given)
        assert caught.value.param == param
    with pytest.raises(NotFoundError):
        add_rule(store, project="nowhere")
    with pytest.raises(NotFoundError):
        patch_rule(store, rule.model_copy(update={"rule_id": "rule_x"}), name="n")
    assert store.dump().rules == before


def test_a_project_has_a_bounded_number_of_rules(
    store: ControlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_RULES", 2)
    add_project(store, "team")
    for _ in range(2):
        add_rule(store)
    with pytest.raises(ConflictError, match="the most"):
        add_rule(store)
    add_rule(store, project="team")


def test_rules_of_an_archived_project_rest_and_count_anew_when_it_is_back(store: ControlStore) -> None:
    add_project(store, "team")
    rule = add_rule(store, project="team")
    archive(store, "team", archived=True)
    book = store.snapshot().rule_book
    assert (dict(book.rules), "team" in book.time_zones) == ({}, False)
    with pytest.raises(NotFoundError, match="archived"):
        add_rule(store, project="team")
    archive(store, "team", archived=False)
    assert store.snapshot().rule_book.rules["team"] == (rule.model_copy(update={"counting_revision": 2}),)


def test_a_rule_tells_channels_of_its_own_project_that_take_alerts(store: ControlStore) -> None:
    add_project(store, "team")
    own, calls = add_channel(store).channel, add_channel(store, events="calls").channel
    other = add_channel(store, project="team").channel
    rule = add_rule(store, channels=[own.channel_id])
    assert rule.channels == (own.channel_id,)
    for wrong in (calls, other):
        with pytest.raises(InvalidError, match=wrong.channel_id):
            add_rule(store, channels=[own.channel_id, wrong.channel_id])


def test_a_webhooks_whole_life(store: ControlStore) -> None:
    url = "https://ops.example/services/T0/secretsecret1234"
    channel, signing = add_channel(store, url=url)
    assert signing is not None
    assert channel.target == "https://ops.example/…1234"
    opened = store.snapshot().channel_secrets[channel.channel_id]
    assert {name: secret.get_secret_value() for name, secret in opened.items()} == {
        "url": url,
        "signing_secret": signing,
    }
    assert store.snapshot().rule_book.channels == {"default": (channel,)}
    moved = patch_channel(store, channel, url="http://other.example/in", name="new")
    assert (moved.target, moved.name) == ("http://other.example/…", "new")
    with store.write("test") as change:
        rotated = channels.rotate(change, channel.channel_id)
    assert rotated.channel == moved
    opened = store.snapshot().channel_secrets[channel.channel_id]
    assert opened["url"].get_secret_value() == "http://other.example/in"
    assert opened["signing_secret"].get_secret_value() == rotated.signing_secret != signing
    with store.write("notify") as change:
        off = channels.disable(change, channel.channel_id, "the receiver answered 410")
    assert (off.enabled, off.disabled_reason) == (False, "the receiver answered 410")
    assert (store.snapshot().rule_book.channels, store.snapshot().channel_secrets) == ({}, {})
    assert patch_channel(store, channel, enabled=True).disabled_reason == ""
    with store.write("test") as change:
        channels.remove(change, channel.channel_id)
    kinds = ["create", "update", "rotate", "disable", "update", "remove"]
    assert actions(store) == [f"channel.{kind}" for kind in kinds]


def test_the_other_kinds_of_channels(store: ControlStore) -> None:
    slack, none = add_channel(store, kind="slack", url="https://hooks.slack.com/services/T0/B0/x" + "y" * 20)
    assert none is None
    assert slack.target == "https://hooks.slack.com/…yyyy"
    email = add_channel(store, kind="email", url=None, addresses=["a@example.com"]).channel
    assert (email.target, email.addresses) == ("", ("a@example.com",))
    assert patch_channel(store, email, addresses=["b@example.com"]).addresses == ("b@example.com",)
    assert store.snapshot().channel_secrets[email.channel_id] == {}
    for channel in (slack, email):
        with store.write("test") as change, pytest.raises(InvalidError):
            channels.rotate(change, channel.channel_id)
    with store.read() as session:
        assert [one.channel_id for one in channels.listed(session, limit=9)] == [
            email.channel_id,
            slack.channel_id,
        ]


def test_a_channel_that_is_named_is_not_removed(store: ControlStore) -> None:
    """Else a rule that named it alone would tell all channels."""
    alerts, calls = add_channel(store).channel, add_channel(store, events="calls").channel
    rule, hook = add_rule(store, channels=[alerts.channel_id]), add_hook(store, calls)
    for channel, user in ((alerts, rule.rule_id), (calls, hook.hook_id)):
        with store.write("test") as change, pytest.raises(ConflictError, match=user):
            channels.remove(change, channel.channel_id)
    patch_rule(store, rule, channels=[])
    with store.write("test") as change:
        hooks.remove(change, hook.hook_id)
        channels.remove(change, alerts.channel_id)
        channels.remove(change, calls.channel_id)


def test_a_hooks_whole_life(store: ControlStore) -> None:
    channel, other = (add_channel(store, events="calls").channel for _ in range(2))
    hook = add_hook(store, channel, sample_percent=0.5, filter={"field": "model", "op": "eq", "value": "x"})
    assert store.snapshot().rule_book.hooks == {"default": (hook,)}
    with store.write("test") as change:
        patch = HookPatch.model_validate({"channel_id": other.channel_id, "filter": None})
        after = hooks.patch(change, hook.hook_id, patch)
    assert after == hook.model_copy(update={"channel_id": other.channel_id, "filter": None})
    with store.read() as session:
        assert hooks.show(session, hook.hook_id) == after
        assert hooks.listed(session, project="default", limit=9) == [after]
    with store.write("test") as change:
        hooks.patch(change, hook.hook_id, HookPatch(enabled=False))
    assert store.snapshot().rule_book.hooks == {}
    with pytest.raises(InvalidError, match="events calls"):
        add_hook(store, add_channel(store).channel)
    add_project(store, "team")
    with pytest.raises(InvalidError):
        add_hook(store, channel, project="team")


def test_an_overrides_whole_life(store: ControlStore) -> None:
    first, second = add_price(store), add_price(store, model="*", prices={}, multipliers={"standard": "0.9"})
    assert store.snapshot().rule_book.price_overrides == {"default": (second, first)}
    with store.write("test") as change:
        after = prices.patch(change, first.price_id, PricePatch.model_validate({"prices": {"input": "2.40"}}))
    assert after.prices == {"input": Decimal("2.40")}
    with store.read() as session:
        assert prices.show(session, first.price_id) == after
        assert prices.listed(session, project="default", limit=9) == [second, after]
    with store.write("test") as change:
        prices.remove(change, second.price_id)
    assert store.dump().price_overrides == (after,)
    assert actions(store)[-1] == "price.remove"


def test_a_feed_gives_the_book_and_keeps_it_over_a_restart(settings: Settings, store: ControlStore) -> None:
    rule, channel, price = add_rule(store), add_channel(store, events="calls").channel, add_price(store)
    hook = add_hook(store, channel)
    with running_feed(settings) as feed:
        book = feed.current.rule_book
        assert (book.rules, book.channels) == ({"default": (rule,)}, {"default": (channel,)})
        assert (book.hooks, book.price_overrides) == ({"default": (hook,)}, {"default": (price,)})
        assert book.version == feed.current.version
    dump = store.dump()
    assert type(dump).model_validate_json(dump.model_dump_json()) == dump


def test_a_rule_of_another_release_is_left_out_and_told(
    store: ControlStore, caplog: pytest.LogCaptureFixture
) -> None:
    odd, good = add_rule(store), add_rule(store)
    with store.write("test") as change:
        of_tomorrow = {"name": "n", "metric": "carbon"}
        change.session.execute(
            update(RuleRow).where(RuleRow.id == odd.rule_id).values(definition=of_tomorrow)
        )
    with caplog.at_level(logging.ERROR):
        assert store.dump().rules == (good,)
    assert odd.rule_id in caplog.text
