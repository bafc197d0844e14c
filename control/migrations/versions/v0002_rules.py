"""Rules, channels, call webhooks and price overrides; a key's budget becomes a rule."""

import time
from typing import Any

import sqlalchemy as sa
import uuid_utils
from alembic import op

revision = "0002"
down_revision = "0001"

PROJECT = {"project": "projects.id"}


def upgrade() -> None:
    """Make the tables, and move the budgets."""
    rules = _owned("rules", sa.Column("enabled", sa.Boolean, nullable=False), _definition())
    _channels()
    _owned(
        "call_hooks",
        sa.Column("channel_id", sa.String(64), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        _definition(),
        references={"project": "projects.id", "channel_id": "channels.id"},
    )
    _owned("price_overrides", _definition())
    _move_budgets(rules)


def _definition() -> sa.Column[Any]:
    return sa.Column("definition", sa.JSON, nullable=False)


def _owned(table: str, *columns: sa.Column[Any], references: dict[str, str] = PROJECT) -> sa.Table:
    made = op.create_table(
        table,
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64), nullable=False),
        *columns,
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        *(
            sa.ForeignKeyConstraint([column], [to], name=f"fk_{table}_{column}")
            for column, to in references.items()
        ),
    )
    for column in references:
        op.create_index(f"ix_{table}_{column}", table, [column])
    return made


def _channels() -> None:
    _owned(
        "channels",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("events", sa.String(16), nullable=False),
        sa.Column("target", sa.String(2048), nullable=False),
        sa.Column("addresses", sa.JSON, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("disabled_reason", sa.String(200), nullable=False),
    )


def _move_budgets(rules: sa.Table) -> None:
    """A key's budget was kept and never enforced, so what it becomes only tells, monthly."""
    keys = sa.table("keys", *(sa.column(name) for name in ("id", "project", "name", "budget_limit_nanos")))
    found = op.get_bind().execute(sa.select(keys).where(keys.c.budget_limit_nanos > 0)).all()
    now_us = time.time_ns() // 1000
    rows = [
        {
            "id": f"rule_{uuid_utils.uuid7().hex}",
            "project": key.project,
            "enabled": True,
            "definition": _budget(key.id, key.name, key.budget_limit_nanos),
            "created_at": now_us,
        }
        for key in found
    ]
    op.bulk_insert(rules, rows)
    op.drop_column("keys", "budget_id")
    op.drop_column("keys", "budget_limit_nanos")


def _budget(key_id: str, name: str, limit_nanos: int) -> dict[str, Any]:
    return {
        "name": f"Budget of key {name}"[:200],
        "metric": "cost",
        "filter": {"field": "key_id", "op": "eq", "value": key_id},
        "window": {"kind": "calendar", "period": "month"},
        "limit": limit_nanos,
    }
