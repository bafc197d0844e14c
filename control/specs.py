"""What may be asked of the store: one set of models for the admin API and for the command.

In a patch, a field that isn't given stays as it is, and an explicit null clears it.
"""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from tallygate.control.roles import Role
from tallygate.edge.limits.policy import parse

DAY_S = 86_400
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
PROJECT_ID = r"^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$"


def _text(max_length: int, pattern: str = NO_CONTROLS) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length, pattern=pattern)


def _utc(value: datetime) -> datetime:
    if not 2000 <= value.year <= 9000:
        raise ValueError("out of range")
    return value.astimezone(UTC)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port_ok = parts.port != 0
    except ValueError:
        port_ok = False
    if not port_ok or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be http(s)://host[:port][/path]")
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise ValueError("must have no user, password, query or fragment")
    return value.rstrip("/")


def _policies(value: tuple[str, ...]) -> tuple[str, ...]:
    # The edge's own grammar: what is stored here is what it will read.
    return tuple(str(policy) for policy in parse(",".join(value))) if value else ()


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("not a time zone's name, such as Europe/Berlin") from error
    return value


def _secrets(value: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for secret in value.values():
        text = secret.get_secret_value()
        if not text or len(text) > MAX_SECRET_CHARS or not text.isprintable() or text != text.strip():
            raise ValueError(
                f"a secret is 1 to {MAX_SECRET_CHARS} printable characters without space around it"
            )
    return value


MAX_SECRET_CHARS = 16_384
ProjectId = Annotated[str, StringConstraints(pattern=PROJECT_ID)]
ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Name = Annotated[str, _text(200)]
UserId = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00-\x1f\x7f]*$")]
ModelGlob = Annotated[str, _text(200, r"^[^\s,\x00-\x1f\x7f]+$")]
AliasName = Annotated[str, _text(128, r"^[^\s,/\x00-\x1f\x7f]+$")]
BaseUrl = Annotated[str, _text(2048, r"^[\x21-\x7e]+$"), AfterValidator(_url)]
Expiry = Annotated[AwareDatetime, AfterValidator(_utc)]
Globs = Annotated[tuple[ModelGlob, ...], Field(max_length=100)]
Policies = Annotated[tuple[Annotated[str, _text(500)], ...], Field(max_length=16), AfterValidator(_policies)]
ModelMap = Annotated[dict[ModelGlob, ModelGlob], Field(max_length=500)]
Secrets = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")], SecretStr],
    Field(max_length=8),
    AfterValidator(_secrets),
]
Weight = Annotated[int, Field(ge=1, le=1_000_000)]
TimeZone = Annotated[str, _text(64), AfterValidator(_zone)]


Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=200,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$",
    ),
]
"""In small letters; `ann@localhost` is one too."""


class Spec(BaseModel):
    """Unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NewProject(Spec):
    """A project to make. Its id is in every record of its calls, and stays."""

    id: ProjectId
    name: Name | None = None
    """Else its id."""


class SettingsPatch(Spec):
    """Settings to change."""

    target_urls: Annotated[tuple[BaseUrl, ...], Field(max_length=100)] = ()
    omit_request: bool = False
    omit_response: bool = False
    time_zone: TimeZone = "UTC"
    rate_limits: Policies = ()


class ProjectPatch(Spec):
    """Changes of a project."""

    name: Name = ""
    archived: bool = False
    settings: SettingsPatch = SettingsPatch()


class NewKey(Spec):
    """A gateway key to make."""

    project: ProjectId
    name: Name
    user_id: UserId = ""
    models: Globs = ()
    rate_limits: Policies = ()
    expires_at: Expiry | None = None


class KeyPatch(Spec):
    """Changes of a gateway key. It can't move to another project: its calls are on record."""

    name: Name = ""
    user_id: UserId = ""
    models: Globs = ()
    rate_limits: Policies = ()
    expires_at: Expiry | None = None


class Rotation(Spec):
    """A new secret for a key."""

    overlap_s: Annotated[int, Field(ge=0, le=90 * DAY_S)] = DAY_S
    """How long older secrets are still taken; 0 refuses them at once."""


class NewCredential(Spec):
    """A provider's credential to keep. No secret at all is right for a server that asks for none."""

    project: ProjectId | None = None
    provider: ProviderName
    name: Name = "default"
    secrets: Secrets = {}
    """`api_key`, or what the provider takes (`access_key_id`, `secret_access_key`, …)."""
    base_url: BaseUrl | None = None
    region: Name | None = None
    api_version: Name | None = None
    model_map: ModelMap = {}
    weight: Weight = 1
    enabled: bool = True


class CredentialPatch(Spec):
    """Changes of a credential; `secrets` replaces all of them."""

    name: Name = ""
    secrets: Secrets = {}
    base_url: BaseUrl | None = None
    region: Name | None = None
    api_version: Name | None = None
    model_map: ModelMap = {}
    weight: Weight = 1
    enabled: bool = True


class NewAlias(Spec):
    """An alias to make or replace."""

    project: ProjectId | None = None
    name: AliasName
    models: Annotated[tuple[ModelGlob, ...], Field(min_length=1, max_length=32)]


class NewAdminToken(Spec):
    """A token of the admin API to make."""

    name: Name


class NewApiToken(Spec):
    """A token of a project to make."""

    project: ProjectId
    name: Name
    role: Role = Role.VIEWER
    expires_at: Expiry | None = None


class NewUser(Spec):
    """Somebody who may sign in."""

    email: Email
    name: Name | None = None
    """Else the part of the address before the @."""
    admin: bool = False
    """Of the installation: every role in every project."""


class OneEmail(Spec):
    """Which user."""

    email: Email


class Grant(Spec):
    """A role to give."""

    email: Email
    project: ProjectId
    role: Role
