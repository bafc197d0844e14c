"""Reading the edges' dump: a handful of whole-table queries in one transaction."""

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Mapped, Session

from tallygate.control.dump import (
    Dump,
    DumpedAlias,
    DumpedChannel,
    DumpedCredential,
    DumpedKey,
    DumpedSecret,
)
from tallygate.control.store.channels import to_channel
from tallygate.control.store.hooks import to_hook
from tallygate.control.store.lookup import Owned
from tallygate.control.store.prices import to_price
from tallygate.control.store.projects import to_project
from tallygate.control.store.rules import to_rule
from tallygate.control.store.tables import (
    AliasRow,
    CallHookRow,
    ChannelRow,
    CredentialRow,
    KeyRow,
    KeySecretRow,
    MetaRow,
    PriceOverrideRow,
    ProjectRow,
    RuleRow,
)
from tallygate.schemas.model import Record

log = logging.getLogger(__name__)
R = TypeVar("R", bound=Record)


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
        rules=_records(session, RuleRow, live, to_rule, RuleRow.enabled),
        channels=_records(session, ChannelRow, live, _channel, ChannelRow.enabled),
        hooks=_records(session, CallHookRow, live, to_hook, CallHookRow.enabled),
        price_overrides=_records(session, PriceOverrideRow, live, to_price)[::-1],
    )


def _records(
    session: Session,
    row: type[Owned],
    live: set[str],
    make: Callable[[Owned], R],
    *conditions: ColumnElement[bool] | Mapped[bool],
) -> tuple[R, ...]:
    """The records of live projects' rows, by the time they were made. One that this release can't read is
    left out and logged; the others work on."""
    found = []
    for each in session.scalars(select(row).where(*conditions).order_by(row.id)):
        if each.project not in live:
            continue
        try:
            found.append(make(each))
        except ValidationError as error:
            log.error("%s left out: %d fields are not of this release", each.id, error.error_count())  # noqa: TRY400
    return tuple(found)


def _channel(row: ChannelRow) -> DumpedChannel:
    return DumpedChannel(channel=to_channel(row), sealed=row.sealed)


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
