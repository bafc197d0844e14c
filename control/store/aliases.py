"""Aliases: names for lists of models."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from tallygate.control.errors import NotFoundError
from tallygate.control.records import Alias
from tallygate.control.secrets import new_id
from tallygate.control.specs import NewAlias
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import live_project, page
from tallygate.control.store.tables import AliasRow


def put(change: Change, new: NewAlias) -> Alias:
    """Make or replace an alias.

    Raises:
        NotFoundError: the project isn't there.
    """
    live_project(change.session, new.project)
    row = _find(change.session, new.project, new.name)
    if row is None:
        row = AliasRow(id=new_id("alias"), project=new.project, name=new.name)
        change.session.add(row)
    row.models = list(new.models)
    change.session.flush()
    change.audit("alias.put", new.name, new.project, {"models": row.models})
    return to_alias(row)


def remove(change: Change, project: str | None, name: str) -> None:
    """Delete an alias.

    Raises:
        NotFoundError: there is none of that name there.
    """
    row = _find(change.session, project, name)
    if row is None:
        raise NotFoundError(
            f"no alias {name!r} " + (f"of project {project!r}" if project else "that is shared")
        )
    change.session.delete(row)
    change.audit("alias.remove", name, project, {})


def listed(
    session: Session, *, project: str | None = None, before: str | None = None, limit: int
) -> list[Alias]:
    """Aliases, newest first; with a project, its own and the shared ones."""
    query = select(AliasRow)
    if project is not None:
        query = query.where(or_(AliasRow.project == project, AliasRow.project.is_(None)))
    return [to_alias(row) for row in session.scalars(page(query, AliasRow.id, before=before, limit=limit))]


def to_alias(row: AliasRow) -> Alias:
    """The record of a row."""
    return Alias.model_validate(row, from_attributes=True)


def _find(session: Session, project: str | None, name: str) -> AliasRow | None:
    query = select(AliasRow).where(AliasRow.project.is_not_distinct_from(project), AliasRow.name == name)
    return session.scalars(query).one_or_none()
