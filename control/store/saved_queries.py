"""Saved queries of the SQL console, each a project's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tallygate.control.errors import ConflictError, NotFoundError
from tallygate.control.secrets import new_id
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import live_project
from tallygate.control.store.tables import SavedQueryRow

MAX_IN_PROJECT = 1000


def put(change: Change, project: str, name: str, query: str, parameters: Mapping[str, Any]) -> SavedQueryRow:
    """Save a query under a name, or replace the one that has it.

    Raises:
        NotFoundError: the project isn't there.
        ConflictError: the project has too many.
    """
    live_project(change.session, project)
    mine = select(SavedQueryRow).where(SavedQueryRow.project == project)
    row = change.session.scalars(mine.where(SavedQueryRow.name == name)).one_or_none()
    if row is None:
        held = change.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
        if held >= MAX_IN_PROJECT:
            raise ConflictError(f"a project has at most {MAX_IN_PROJECT} saved queries")
        row = SavedQueryRow(id=new_id("query"), project=project, name=name)
        change.session.add(row)
    row.query, row.parameters = query, dict(parameters)
    row.saved_by, row.saved_at = change.actor[:300], change.now
    change.session.flush()
    return row


def remove(change: Change, project: str, query_id: str) -> None:
    """Forget a query.

    Raises:
        NotFoundError: the project has none of that id.
    """
    row = change.session.get(SavedQueryRow, query_id)
    if row is None or row.project != project:
        raise NotFoundError(f"no saved query {query_id!r}")
    change.session.delete(row)


def listed(session: Session, project: str) -> Sequence[SavedQueryRow]:
    """All of a project, by name."""
    rows = select(SavedQueryRow).where(SavedQueryRow.project == project).order_by(SavedQueryRow.name)
    return session.scalars(rows).all()
