"""Projects, keys, credentials, aliases, admin tokens and the audit log."""

import secrets
import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

OWN, SHARED = sa.text("project IS NOT NULL"), sa.text("project IS NULL")


def upgrade() -> None:
    """Make the tables, the one row of `meta`, and the default project."""
    _meta_and_projects()
    _keys()
    _credentials()
    _aliases()
    _admins_and_audit()


def _meta_and_projects() -> None:
    meta = op.create_table(
        "meta",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.String(32), nullable=False),
        sa.Column("store_id", sa.String(64), nullable=False),
        sa.Column("key_check", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_meta"),
    )
    projects = op.create_table(
        "projects",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("archived_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
    )
    first = {"id": 1, "version": 0, "stamp": secrets.token_hex(16), "store_id": secrets.token_hex(16)}
    op.bulk_insert(meta, [first])
    now_us = time.time_ns() // 1000
    op.bulk_insert(projects, [{"id": "default", "name": "default", "settings": {}, "created_at": now_us}])


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("user_id", sa.String(1024), nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("rate_limits", sa.JSON, nullable=False),
        sa.Column("budget_id", sa.String(64)),
        sa.Column("budget_limit_nanos", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("rotated_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_keys_project"),
    )
    op.create_index("ix_keys_project", "keys", ["project"])
    op.create_table(
        "key_secrets",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("digest", name="pk_key_secrets"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name="fk_key_secrets_key_id"),
    )
    op.create_index("ix_key_secrets_key_id", "key_secrets", ["key_id"])


def _credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64)),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("base_url", sa.String(2048)),
        sa.Column("region", sa.String(200)),
        sa.Column("api_version", sa.String(200)),
        sa.Column("model_map", sa.JSON, nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_credentials_project"),
    )
    _once_per_project("credentials", ["provider", "name"])


def _aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64)),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_aliases"),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_aliases_project"),
    )
    _once_per_project("aliases", ["name"])


def _once_per_project(table: str, columns: list[str]) -> None:
    for name, where, keys in (("own", OWN, ["project", *columns]), ("shared", SHARED, columns)):
        op.create_index(
            f"ux_{table}_{name}", table, keys, unique=True, sqlite_where=where, postgresql_where=where
        )


def _admins_and_audit() -> None:
    op.create_table(
        "admin_tokens",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_admin_tokens"),
        sa.UniqueConstraint("digest", name="uq_admin_tokens_digest"),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64)),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_project", "audit_log", ["project"])
