"""The tables, as declared. `control/migrations` brings a database to exactly this (a test compares them)."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tallygate.control.instants import instant, micros


class Instant(TypeDecorator[datetime]):
    """An aware time, kept as microseconds since the Unix epoch: the same on every database, without zones."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds; a naive time is a mistake and raises."""
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return None if value is None else instant(value)


class Base(DeclarativeBase):
    """Constraints have the same names however they were made."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _once_per_project(table: str, *columns: str) -> tuple[Index, Index]:
    """Unique within each project, and among the rows of no project: NULLs count as different in SQL."""
    own, shared = text("project IS NOT NULL"), text("project IS NULL")
    return (
        Index(f"ux_{table}_own", "project", *columns, unique=True, sqlite_where=own, postgresql_where=own),
        Index(f"ux_{table}_shared", *columns, unique=True, sqlite_where=shared, postgresql_where=shared),
    )


class MetaRow(Base):
    """One row. Every change of the store locks and bumps `version` first: writers go one by one."""

    __tablename__ = "meta"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    stamp: Mapped[str] = mapped_column(String(32))
    """Random, new with every version: after a backup was restored, versions are given out again."""
    store_id: Mapped[str] = mapped_column(String(64))
    key_check: Mapped[bytes | None] = mapped_column(LargeBinary)
    """A known text sealed with the master key; tells a wrong key before it is used."""


class ProjectRow(Base):
    """A project; never deleted, for calls on record name it."""

    __tablename__ = "projects"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    archived_at: Mapped[datetime | None] = mapped_column(Instant)


class KeyRow(Base):
    """A gateway key; never deleted, for calls on record name it."""

    __tablename__ = "keys"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    user_id: Mapped[str] = mapped_column(String(1024))
    models: Mapped[list[str]] = mapped_column(JSON)
    rate_limits: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    rotated_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class KeySecretRow(Base):
    """A secret of a key, as its digest: the current one, and after a rotation those taken for a while."""

    __tablename__ = "key_secrets"
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("keys.id"), index=True)
    last4: Mapped[str] = mapped_column(String(4))
    created_at: Mapped[datetime] = mapped_column(Instant)
    valid_until: Mapped[datetime | None] = mapped_column(Instant)


class CredentialRow(Base):
    """A provider's credential, sealed."""

    __tablename__ = "credentials"
    __table_args__ = _once_per_project("credentials", "provider", "name")
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str | None] = mapped_column(ForeignKey("projects.id"))
    provider: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last4: Mapped[str] = mapped_column(String(4))
    base_url: Mapped[str | None] = mapped_column(String(2048))
    region: Mapped[str | None] = mapped_column(String(200))
    api_version: Mapped[str | None] = mapped_column(String(200))
    model_map: Mapped[dict[str, str]] = mapped_column(JSON)
    weight: Mapped[int] = mapped_column(Integer)
    enabled: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class AliasRow(Base):
    """A name for a list of models."""

    __tablename__ = "aliases"
    __table_args__ = _once_per_project("aliases", "name")
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str | None] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(128))
    models: Mapped[list[str]] = mapped_column(JSON)


class RuleRow(Base):
    """A budget or alert rule."""

    __tablename__ = "rules"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    enabled: Mapped[bool]
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    """A `schemas.rules.Rule` without what the other columns hold."""
    created_at: Mapped[datetime] = mapped_column(Instant)


class ChannelRow(Base):
    """Where alerts or records of calls go. How to reach it is sealed."""

    __tablename__ = "channels"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    events: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(String(2048))
    addresses: Mapped[list[str]] = mapped_column(JSON)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    enabled: Mapped[bool]
    disabled_reason: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)


class CallHookRow(Base):
    """Calls whose records go to a webhook."""

    __tablename__ = "call_hooks"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    channel_id: Mapped[str] = mapped_column(ForeignKey("channels.id"), index=True)
    enabled: Mapped[bool]
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    """A `schemas.rules.CallHook` without what the other columns hold."""
    created_at: Mapped[datetime] = mapped_column(Instant)


class PriceOverrideRow(Base):
    """What a project pays for some models."""

    __tablename__ = "price_overrides"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    """A `schemas.rules.PriceOverride` without what the other columns hold."""
    created_at: Mapped[datetime] = mapped_column(Instant)


class AdminTokenRow(Base):
    """A token of the admin API, as its digest."""

    __tablename__ = "admin_tokens"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    last4: Mapped[str] = mapped_column(String(4))
    created_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class ApiTokenRow(Base):
    """A token of a project, as its digest."""

    __tablename__ = "api_tokens"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    last4: Mapped[str] = mapped_column(String(4))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class UserRow(Base):
    """Somebody who signs in."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    """In small letters."""
    name: Mapped[str] = mapped_column(String(200))
    admin: Mapped[bool]
    password: Mapped[str | None] = mapped_column(String(255))
    """Its argon2id hash; NULL for who signs in elsewhere only."""
    subject: Mapped[str | None] = mapped_column(String(600), unique=True)
    """Who this is to the identity provider, since the first sign-in there: addresses are given to others."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    signed_in_at: Mapped[datetime | None] = mapped_column(Instant)


class MembershipRow(Base):
    """A user's role in a project."""

    __tablename__ = "memberships"
    user: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))


class SessionRow(Base):
    """A browser that is signed in; the digest of what its cookie holds."""

    __tablename__ = "sessions"
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    method: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class AuditRow(Base):
    """One change."""

    __tablename__ = "audit_log"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64))
    project: Mapped[str | None] = mapped_column(String(64), index=True)
    target: Mapped[str] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class DeliveryRow(Base):
    """Something to be sent to a channel, with all that was tried."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "state", "kind", "due_at"),
        Index("ix_deliveries_listed", "project", "id"),
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Follows from the event and the channel: what is found again is not sent again."""
    project: Mapped[str] = mapped_column(String(64))
    channel_id: Mapped[str] = mapped_column(String(64))
    """No reference: it outlives its channel."""
    kind: Mapped[str] = mapped_column(String(16))
    type: Mapped[str] = mapped_column(String(32))
    event_id: Mapped[str] = mapped_column(String(128))
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[int] = mapped_column(Integer)
    """Since it was made, or asked for again."""
    begun_at: Mapped[datetime] = mapped_column(Instant)
    """When the first of them was due."""
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it is tried next; of one that is being tried, when others may take it over."""
    owner: Mapped[str | None] = mapped_column(String(64))
    """The process that is trying it."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    status: Mapped[int | None] = mapped_column(Integer)
    """Of the last try."""
    error: Mapped[str] = mapped_column(String(500))
    """Of the last try."""


class DeliveryAttemptRow(Base):
    """One try of a delivery."""

    __tablename__ = "delivery_attempts"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    duration_us: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str] = mapped_column(String(500))


class NotifyPositionRow(Base):
    """How far the notifier has read a source of events."""

    __tablename__ = "notify_positions"
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)


class SavedQueryRow(Base):
    """A query of the SQL console that was given a name."""

    __tablename__ = "saved_queries"
    __table_args__ = (UniqueConstraint("project", "name"),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(200))
    query: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    saved_by: Mapped[str] = mapped_column(String(300))
    saved_at: Mapped[datetime] = mapped_column(Instant)
