"""What the repositories have in common: finding rows, paging."""

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tallygate.control.errors import NotFoundError
from tallygate.control.store.fence import check_shared
from tallygate.control.store.tables import (
    Base,
    CallHookRow,
    ChannelRow,
    PriceOverrideRow,
    ProjectRow,
    RuleRow,
)

Row = TypeVar("Row", bound=Base)
Owned = TypeVar("Owned", RuleRow, ChannelRow, CallHookRow, PriceOverrideRow)
"""Rows that always belong to a project."""


def get(session: Session, row: type[Row], key: object, what: str) -> Row:
    """The row of a primary key.

    Raises:
        NotFoundError: there is none.
    """
    found = session.get(row, key)
    if found is None:
        raise NotFoundError(f"no {what} {key!r}")
    return found


def live_project(session: Session, project: str | None) -> None:
    """Check that something can be made for a project, which exists and isn't archived, or for all of them.

    Raises:
        NotFoundError: it isn't so.
        ForbiddenError: for all of them, by somebody who administrates only some.
    """
    if project is None:
        check_shared(session)
    elif get(session, ProjectRow, project, "project").archived_at is not None:
        raise NotFoundError(f"project {project!r} is archived")


def page(query: Select[Any], id_column: Any, *, before: str | int | None, limit: int) -> Select[Any]:
    """Newest first (ids sort by time), from after the last id of the page before."""
    if before is not None:
        query = query.where(id_column < before)
    return query.order_by(id_column.desc()).limit(limit)


def of_project(
    session: Session, row: type[Owned], project: str | None, *, before: str | None, limit: int
) -> Iterable[Owned]:
    """Rows of a project, or of all, newest first."""
    query = select(row)
    if project is not None:
        query = query.where(row.project == project)
    return session.scalars(page(query, row.id, before=before, limit=limit))
