"""What edges need of the store, as plain records: credentials are still sealed in it."""

from datetime import datetime

from pydantic import ConfigDict

from tallygate.control.records import Project
from tallygate.schemas.model import Record
from tallygate.schemas.rules import CallHook, Channel, PriceOverride, Rule


class DumpedSecret(Record):
    """A secret that is taken for a key."""

    model_config = ConfigDict(val_json_bytes="base64")

    digest: bytes
    valid_until: datetime | None


class DumpedKey(Record):
    """A key that isn't revoked."""

    id: str
    project: str
    name: str
    user_id: str
    models: tuple[str, ...]
    rate_limits: tuple[str, ...]
    expires_at: datetime | None
    secrets: tuple[DumpedSecret, ...]


class DumpedCredential(Record):
    """A credential that is enabled."""

    model_config = ConfigDict(val_json_bytes="base64")

    id: str
    project: str | None
    provider: str
    name: str
    sealed: bytes
    base_url: str | None
    region: str | None
    api_version: str | None
    model_map: dict[str, str]
    weight: int


class DumpedAlias(Record):
    """An alias."""

    project: str | None
    name: str
    models: tuple[str, ...]


class DumpedChannel(Record):
    """A channel that is enabled."""

    model_config = ConfigDict(val_json_bytes="base64")

    channel: Channel
    sealed: bytes


class Dump(Record):
    """One state of the store. Archived projects and all that is theirs are left out."""

    version: int
    stamp: str
    projects: tuple[Project, ...]
    keys: tuple[DumpedKey, ...]
    credentials: tuple[DumpedCredential, ...]
    aliases: tuple[DumpedAlias, ...]
    rules: tuple[Rule, ...] = ()
    """Enabled ones, by the time they were made; so are the following."""
    channels: tuple[DumpedChannel, ...] = ()
    hooks: tuple[CallHook, ...] = ()
    price_overrides: tuple[PriceOverride, ...] = ()
    """The newest first."""
