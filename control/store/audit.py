"""The audit log: read only; `Change.audit` writes it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from tallygate.control.records import AuditEntry
from tallygate.control.store.lookup import page
from tallygate.control.store.tables import AuditRow


def listed(
    session: Session,
    *,
    project: str | None = None,
    target: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[AuditEntry]:
    """Changes, newest first."""
    query = select(AuditRow)
    if project is not None:
        query = query.where(AuditRow.project == project)
    if target is not None:
        query = query.where(AuditRow.target == target)
    return [to_entry(row) for row in session.scalars(page(query, AuditRow.id, before=before, limit=limit))]


def to_entry(row: AuditRow) -> AuditEntry:
    """The record of a row."""
    return AuditEntry.model_validate(row, from_attributes=True)
