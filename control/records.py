"""What the store holds, as its readers see it: never a secret, only the last characters of one."""

from datetime import datetime
from typing import Any

from tallygate.control.roles import Role
from tallygate.schemas.deliveries import DeliveryState, EventKind
from tallygate.schemas.model import Record

DEFAULT_PROJECT = "default"


class ProjectSettings(Record):
    """What a project's calls have in common."""

    target_urls: tuple[str, ...] = ()
    """Base URLs that callers may name in `X-Target-URL`."""
    omit_request: bool = False
    """Never store requests' bodies."""
    omit_response: bool = False
    time_zone: str = "UTC"
    """Whose days and months the project's totals follow."""
    rate_limits: tuple[str, ...] = ()
    """Policies that each call has to meet, besides those of its key."""


class Project(Record):
    """Keys, credentials and calls belong to one."""

    id: str
    name: str
    settings: ProjectSettings = ProjectSettings()
    created_at: datetime
    archived_at: datetime | None = None
    """Since then its keys are refused; what it called stays on record."""


class Key(Record):
    """A gateway key. An empty list of models allows every model."""

    id: str
    project: str
    name: str
    last4: str
    user_id: str = ""
    models: tuple[str, ...] = ()
    rate_limits: tuple[str, ...] = ()
    expires_at: datetime | None = None
    created_at: datetime
    rotated_at: datetime | None = None
    overlap_until: datetime | None = None
    """Until then the secrets from before the last rotation are taken too."""
    revoked_at: datetime | None = None


class Credential(Record):
    """A provider's credential, and where it is used: one deployment. Without project, every project's."""

    id: str
    project: str | None
    provider: str
    name: str
    last4: str
    base_url: str | None = None
    region: str | None = None
    api_version: str | None = None
    model_map: dict[str, str] = {}
    """Model asked for → its name there (Azure's deployments)."""
    weight: int = 1
    enabled: bool = True
    created_at: datetime
    updated_at: datetime


class Alias(Record):
    """A name for a list of models. Without project, every project's."""

    id: str
    project: str | None
    name: str
    models: tuple[str, ...]


class AdminToken(Record):
    """A token of the admin API."""

    id: str
    name: str
    last4: str
    created_at: datetime
    revoked_at: datetime | None = None


class ApiToken(Record):
    """A token of a project, for scripts that read the query API."""

    id: str
    project: str
    name: str
    role: Role
    last4: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class User(Record):
    """Somebody who signs in."""

    id: str
    email: str
    name: str
    admin: bool = False
    """Of the installation: every role in every project."""
    created_at: datetime
    signed_in_at: datetime | None = None


class Membership(Record):
    """What a user may do in a project."""

    email: str
    project: str
    role: Role


class ProjectRole(Record):
    """A project as somebody sees it who has a role there."""

    id: str
    name: str
    role: Role


class AuditEntry(Record):
    """One change, and who made it."""

    id: int
    at: datetime
    actor: str
    action: str
    """As `key.revoke`."""
    project: str | None
    target: str
    detail: dict[str, Any]


class Delivery(Record):
    """Something sent, or to be sent, to a channel."""

    id: str
    """Of a webhook, its `webhook-id`: the same at every try."""
    project: str
    channel_id: str
    kind: EventKind
    type: str
    """As in the payload: `alert.firing`, `alert.resolved`, `call.completed` or `channel.test`."""
    event_id: str
    state: DeliveryState
    """`dead`: it is not tried any more, unless somebody asks for it."""
    tries: int
    """Since it was made, or asked for again."""
    due_at: datetime | None = None
    """When it is tried next."""
    created_at: datetime
    ended_at: datetime | None = None
    status: int | None = None
    """The last answer's HTTP status or SMTP code."""
    error: str = ""


class DeliveryAttempt(Record):
    """One try of a delivery."""

    at: datetime
    duration_us: int
    status: int | None = None
    error: str = ""


class DeliveryDetail(Record):
    """A delivery with its latest tries and what is sent."""

    delivery: Delivery
    attempts: tuple[DeliveryAttempt, ...]
    """The latest first."""
    payload: dict[str, Any]
