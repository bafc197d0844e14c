"""Projects."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from tallygate.control.errors import ConflictError, InvalidError
from tallygate.control.records import DEFAULT_PROJECT, Project
from tallygate.control.specs import NewProject, ProjectPatch
from tallygate.control.store import rules
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get
from tallygate.control.store.tables import ProjectRow


def to_project(row: ProjectRow) -> Project:
    """The record of a row."""
    return Project.model_validate(row, from_attributes=True)


def create(change: Change, new: NewProject) -> Project:
    """Make a project.

    Raises:
        ConflictError: the id is taken.
    """
    if change.session.get(ProjectRow, new.id) is not None:
        raise ConflictError(f"project {new.id!r} exists already")
    row = ProjectRow(id=new.id, name=new.name or new.id, settings={}, created_at=change.now, archived_at=None)
    change.session.add(row)
    change.session.flush()
    change.audit("project.create", new.id, new.id, {"name": row.name})
    return to_project(row)


def patch(change: Change, project: str, changes: ProjectPatch) -> Project:
    """Rename, archive or bring back a project, or change some of its settings.

    Raises:
        NotFoundError, InvalidError: nothing was changed.
    """
    row = get(change.session, ProjectRow, project, "project")
    given = changes.model_fields_set
    if "name" in given:
        row.name = changes.name
    if "archived" in given:
        _archive(change, row, archived=changes.archived)
    if "settings" in given:
        row.settings = {**row.settings, **changes.settings.model_dump(mode="json", exclude_unset=True)}
    change.audit("project.update", project, project, changes.model_dump(mode="json", exclude_unset=True))
    return to_project(row)


def _archive(change: Change, row: ProjectRow, *, archived: bool) -> None:
    if archived and row.id == DEFAULT_PROJECT:
        raise InvalidError(
            "the default project can't be archived: calls without a key belong to it", "archived"
        )
    if archived != (row.archived_at is not None):
        row.archived_at = change.now if archived else None
        if not archived:
            rules.recount(change, row.id)


def show(session: Session, project: str) -> Project:
    """One project.

    Raises:
        NotFoundError: there is none of that id.
    """
    return to_project(get(session, ProjectRow, project, "project"))


def exists(session: Session, project: str) -> bool:
    """Whether there is a project of that id, archived or not."""
    return session.get(ProjectRow, project) is not None


def listed(session: Session, *, after: str | None = None, limit: int) -> list[Project]:
    """Projects by id, from after an id on."""
    query = select(ProjectRow).order_by(ProjectRow.id).limit(limit)
    if after is not None:
        query = query.where(ProjectRow.id > after)
    return [to_project(row) for row in session.scalars(query)]
