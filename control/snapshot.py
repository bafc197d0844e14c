"""The edges' view of the control data: immutable, in memory, answering without any I/O.

A request takes the feed's current snapshot once and asks only that one, so that it sees one state.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from tallygate.control.dump import Dump, DumpedChannel, DumpedCredential, DumpedKey
from tallygate.control.errors import SealError
from tallygate.control.instants import micros
from tallygate.control.records import ProjectSettings
from tallygate.control.rules import expand, model_matcher
from tallygate.control.sealed import open_secrets
from tallygate.control.secrets import digest
from tallygate.control.vault import Vault
from tallygate.schemas.rules import RuleBook, by_project

log = logging.getLogger(__name__)
NO_SETTINGS = ProjectSettings()


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A gateway key, as a request is checked against it."""

    key_id: str
    project: str
    name: str
    user_id: str
    models: tuple[str, ...]
    rate_limits: tuple[str, ...]
    expires_at_us: int | None
    _matches: Callable[[str], bool] = field(repr=False, compare=False)

    def allows(self, model: str, provider: str = "") -> bool:
        """Whether the key may use a model, by its bare name or as `provider/name`.

        Ask for each model that an alias, a fallback or a comma list leads to, not for the alias.
        """
        return self._matches(model) or bool(provider and self._matches(f"{provider}/{model}"))


@dataclass(frozen=True, slots=True)
class Grant:
    """A secret that stands for a key, until a time if it was rotated."""

    key: KeyInfo
    valid_until_us: int | None

    def valid(self, now_us: int) -> bool:
        """Whether it is taken at this time."""
        ends = (self.valid_until_us, self.key.expires_at_us)
        return all(end is None or now_us < end for end in ends)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A provider's stored credential, opened, and where it is used."""

    credential_id: str
    project: str | None
    provider: str
    name: str
    secrets: Mapping[str, SecretStr]
    base_url: str | None
    region: str | None
    api_version: str | None
    model_map: Mapping[str, str]
    weight: int

    @property
    def api_key(self) -> SecretStr | None:
        """The key, for the providers that take just one."""
        return self.secrets.get("api_key")


Scoped = tuple[str | None, str]
"""A project, or None for what all share; and a name."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the store."""

    version: int = -1
    """Grows with every change of the store."""
    stamp: str = ""
    """Tells this state from every other."""
    settings: Mapping[str, ProjectSettings] = field(default_factory=dict)
    """Of each project that isn't archived."""
    grants: Mapping[bytes, Grant] = field(default_factory=dict, repr=False)
    deployments: Mapping[Scoped, tuple[Deployment, ...]] = field(default_factory=dict, repr=False)
    aliases: Mapping[Scoped, tuple[str, ...]] = field(default_factory=dict, repr=False)
    rule_book: RuleBook = field(default_factory=RuleBook, repr=False)
    channel_secrets: Mapping[str, Mapping[str, SecretStr]] = field(default_factory=dict, repr=False)
    """By channel: `url` of webhooks and Slack, `signing_secret` of webhooks. For the notifier alone."""

    def find(self, secret: str) -> Grant | None:
        """The grant of a gateway key's secret, valid or not (to tell a caller that a key expired).

        The secret is hashed and the digest looked up: the time this takes tells nothing about other secrets.
        """
        return self.grants.get(digest(secret))

    def authenticate(self, secret: str, now_us: int) -> KeyInfo | None:
        """The key that a secret stands for; None if unknown, revoked, rotated away or expired."""
        grant = self.find(secret)
        return grant.key if grant is not None and grant.valid(now_us) else None

    def project_settings(self, project: str) -> ProjectSettings:
        """A project's settings; the defaults for one that isn't known."""
        return self.settings.get(project, NO_SETTINGS)

    def deployments_of(self, project: str, provider: str) -> tuple[Deployment, ...]:
        """A project's own deployments of a provider, else the shared ones. None: the environment's key."""
        own = self.deployments.get((project, provider))
        return own if own is not None else self.deployments.get((None, provider), ())

    def alias(self, project: str, name: str) -> tuple[str, ...] | None:
        """What a project's alias, else a shared one, stands for."""
        own = self.aliases.get((project, name))
        return own if own is not None else self.aliases.get((None, name))

    def resolve(self, project: str, models: str) -> tuple[str, ...]:
        """The models that a request's `model` means, in the order to try them."""
        return expand(models, lambda name: self.alias(project, name))


def assemble(dump: Dump, vault: Vault) -> Snapshot:
    """Make a snapshot. A credential that can't be opened is left out and logged; the others work on."""
    deployments: dict[Scoped, list[Deployment]] = defaultdict(list)
    for credential in dump.credentials:
        try:
            opened = deployment(credential, vault)
        except SealError as error:
            log.error("provider credential left out: %s", error)  # noqa: TRY400 - the traceback adds nothing
            continue
        deployments[credential.project, credential.provider].append(opened)
    return Snapshot(
        version=dump.version,
        stamp=dump.stamp,
        settings={project.id: project.settings for project in dump.projects},
        grants=_grants(dump.keys),
        deployments={scope: tuple(found) for scope, found in deployments.items()},
        aliases={(alias.project, alias.name): alias.models for alias in dump.aliases},
        rule_book=rule_book_of(dump),
        channel_secrets=_channel_secrets(dump.channels, vault),
    )


def rule_book_of(dump: Dump) -> RuleBook:
    """The rules, and what belongs to them, of a dump."""
    return RuleBook(
        version=dump.version,
        rules=by_project(dump.rules),
        channels=by_project(dumped.channel for dumped in dump.channels),
        hooks=by_project(dump.hooks),
        price_overrides=by_project(dump.price_overrides),
        time_zones={project.id: project.settings.time_zone for project in dump.projects},
    )


def _channel_secrets(channels: tuple[DumpedChannel, ...], vault: Vault) -> dict[str, dict[str, SecretStr]]:
    opened = {}
    for dumped in channels:
        channel_id = dumped.channel.channel_id
        try:
            opened[channel_id] = open_secrets(dumped.sealed, vault, context=channel_context(channel_id))
        except SealError as error:
            log.error("channel left out: %s", error)  # noqa: TRY400 - the traceback adds nothing
    return opened


def channel_context(channel_id: str) -> str:
    """What a channel's secrets are sealed for."""
    return f"channel {channel_id}"


def _grants(keys: tuple[DumpedKey, ...]) -> dict[bytes, Grant]:
    grants: dict[bytes, Grant] = {}
    matchers: dict[tuple[str, ...], Callable[[str], bool]] = {}
    for key in keys:
        if key.models not in matchers:
            matchers[key.models] = model_matcher(key.models)
        info = KeyInfo(
            key_id=key.id,
            project=key.project,
            name=key.name,
            user_id=key.user_id,
            models=key.models,
            rate_limits=key.rate_limits,
            expires_at_us=_micros(key.expires_at),
            _matches=matchers[key.models],
        )
        grants.update({secret.digest: Grant(info, _micros(secret.valid_until)) for secret in key.secrets})
    return grants


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def credential_context(credential_id: str) -> str:
    """What a credential's secrets are sealed for."""
    return f"credential {credential_id}"


def deployment(credential: DumpedCredential, vault: Vault) -> Deployment:
    """Open a credential.

    Raises:
        SealError: it is damaged, or of another row or master key.
    """
    return Deployment(
        credential_id=credential.id,
        project=credential.project,
        provider=credential.provider,
        name=credential.name,
        secrets=open_secrets(credential.sealed, vault, context=credential_context(credential.id)),
        base_url=credential.base_url,
        region=credential.region,
        api_version=credential.api_version,
        model_map=credential.model_map,
        weight=credential.weight,
    )
