"""Making control data in tests."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tallygate.control.accounting.channel_specs import ChannelPatch, NewChannel, NewHook
from tallygate.control.accounting.rule_specs import NewRule
from tallygate.control.feed import SnapshotFeed
from tallygate.control.open import open_feed
from tallygate.control.records import Credential, Key
from tallygate.control.specs import NewCredential, NewKey
from tallygate.control.store import channels, credentials, hooks, keys, rules
from tallygate.control.store.channels import IssuedChannel
from tallygate.control.store.database import ControlStore
from tallygate.control.store.keys import Issued
from tallygate.runtime.config import ControlConfig, Settings
from tallygate.schemas.rules import CallHook, Rule


def settings_for(data_dir: Path, dsn: str | None = None, **given: Any) -> Settings:
    """Settings of a process with this data directory and control store."""
    control = ControlConfig(dsn=None if dsn is None else SecretStr(dsn))
    return Settings(data_dir=data_dir, control=control, **given)


def issue(store: ControlStore, **given: Any) -> Issued:
    """A new gateway key."""
    with store.write("test") as change:
        return keys.create(change, NewKey(**{"project": "default", "name": "a key", **given}))


def revoke(store: ControlStore, key_id: str) -> Key:
    """The key, revoked."""
    with store.write("test") as change:
        return keys.revoke(change, key_id)


def keep(store: ControlStore, **given: Any) -> Credential:
    """A stored provider credential."""
    secrets = {"api_key": SecretStr("sk-provider-secret-0123456789")}
    with store.write("test") as change:
        return credentials.create(
            change, NewCredential(**{"provider": "openai", "secrets": secrets, **given})
        )


def add_rule(store: ControlStore, **given: Any) -> Rule:
    """A new rule: on the daily spend, unless told otherwise."""
    daily = {"project": "default", "name": "daily", "metric": "cost", "limit_usd": "50"}
    with store.write("test") as change:
        return rules.create(change, NewRule.model_validate(daily | given))


def add_channel(store: ControlStore, **given: Any) -> IssuedChannel:
    """A new channel: a webhook for alerts, unless told otherwise."""
    webhook = {"project": "default", "name": "ops", "kind": "webhook", "url": "https://ops.example/in"}
    with store.write("test") as change:
        return channels.create(change, NewChannel.model_validate(webhook | given))


def add_hook(store: ControlStore, channel_id: str, **given: Any) -> CallHook:
    """A new call webhook."""
    with store.write("test") as change:
        new = {"project": "default", "name": "a hook", "channel_id": channel_id, **given}
        return hooks.create(change, NewHook.model_validate(new))


def turn_channel(store: ControlStore, channel_id: str, *, on: bool) -> None:
    """Turn a channel on or off."""
    with store.write("test") as change:
        channels.patch(change, channel_id, ChannelPatch(enabled=on))


@contextmanager
def running_feed(settings: Settings) -> Iterator[SnapshotFeed]:
    """A feed, started, that ends with the block."""
    feed = open_feed(settings)
    feed.start()
    try:
        yield feed
    finally:
        feed.stop()


def now_us() -> int:
    """The time, as edges tell it."""
    return time.time_ns() // 1000
