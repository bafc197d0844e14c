"""Reading the edges' dump: a handful of whole-table queries in one transaction."""

from collections import defaultdict

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from tallygate.control.dump import Dump, DumpedAlias, DumpedCredential, DumpedKey, DumpedSecret
from tallygate.control.store.projects import to_project
from tallygate.control.store.tables import AliasRow, CredentialRow, KeyRow, KeySecretRow, MetaRow, ProjectRow


def read_dump(session: Session) -> Dump:
    """The dump of the state that this session sees."""
    version, stamp = session.execute(select(MetaRow.version, MetaRow.stamp)).one()
    projects = session.scalars(select(ProjectRow).where(ProjectRow.archived_at.is_(None))).all()
    live = {row.id for row in projects}
    everywhere = {None, *live}
    credentials = session.scalars(
        select(CredentialRow).where(CredentialRow.enabled).order_by(CredentialRow.id)
    )
    aliases = session.scalars(select(AliasRow))
    return Dump(
        version=version,
        stamp=stamp,
        projects=tuple(to_project(row) for row in projects),
        keys=_keys(session, live),
        credentials=tuple(
            DumpedCredential.model_validate(row, from_attributes=True)
            for row in credentials
            if row.project in everywhere
        ),
        aliases=tuple(
            DumpedAlias.model_validate(row, from_attributes=True)
            for row in aliases
            if row.project in everywhere
        ),
    )


def _keys(session: Session, live: set[str]) -> tuple[DumpedKey, ...]:
    secrets: dict[str, list[DumpedSecret]] = defaultdict(list)
    for key_id, digest, valid_until in session.execute(
        select(KeySecretRow.key_id, KeySecretRow.digest, KeySecretRow.valid_until)
    ):
        secrets[key_id].append(DumpedSecret(digest=digest, valid_until=valid_until))
    # Columns, not objects: there may be many keys, and nothing here is changed.
    rows = session.execute(select(*KeyRow.__table__.columns).where(KeyRow.revoked_at.is_(None)))
    return tuple(_key(row, secrets[row.id]) for row in rows if row.project in live)


def _key(row: Row[tuple[object, ...]], secrets: list[DumpedSecret]) -> DumpedKey:
    return DumpedKey.model_validate({**row._mapping, "secrets": secrets})
