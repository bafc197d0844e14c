"""Keeps a session of the store to some projects: what belongs to others isn't there for it.

The fence stands in the session and not in each query, so that a query which forgets it shows nothing more.
"""

from typing import Any

from sqlalchemy import ColumnElement, event, or_
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from tallygate.control.errors import ForbiddenError
from tallygate.control.store.tables import AliasRow, Base, CredentialRow, ProjectRow

OWNED: tuple[Any, ...] = tuple(
    mapper.class_ for mapper in Base.registry.mappers if "project" in mapper.columns
)
"""Tables whose rows belong to a project."""
SHARED = frozenset({CredentialRow, AliasRow})
"""Whose rows without project are every project's to see, and the installation's to change."""
_FENCE = "tallygate_fence"


class FencedSession(Session):
    """A session that sees, of all projects, those that it was given."""

    def fence(self, projects: frozenset[str], *, to_write: bool) -> None:
        """Set the fence, for as long as the session lives."""
        options = [with_loader_criteria(ProjectRow, ProjectRow.id.in_(projects))]
        for row in OWNED:
            within: ColumnElement[bool] = row.project.in_(projects)
            if row in SHARED and not to_write:
                within = or_(within, row.project.is_(None))
            options.append(with_loader_criteria(row, within))
        self.info[_FENCE] = options


@event.listens_for(FencedSession, "do_orm_execute")
def _limit(state: ORMExecuteState) -> None:
    options: list[Any] | None = state.session.info.get(_FENCE)
    if options is not None and not state.is_column_load and not state.is_relationship_load:
        state.statement = state.statement.options(*options)


def check_shared(session: Session) -> None:
    """What is for all projects is not for an administrator of some to make.

    Raises:
        ForbiddenError: the session is fenced.
    """
    if _FENCE in session.info:
        raise ForbiddenError("only an administrator of the installation changes what all projects share")
