"""Gateway keys. A secret is returned by the call that makes it, and kept only as its digest."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from tallygate.control.errors import ConflictError, InvalidError
from tallygate.control.records import Key
from tallygate.control.secrets import KEY_PREFIX, digest, last4, new_id, new_secret
from tallygate.control.specs import KeyPatch, NewKey, Rotation
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, live_project, page
from tallygate.control.store.tables import KeyRow, KeySecretRow

KeyState = Literal["active", "expired", "revoked", "all"]


class Issued(NamedTuple):
    """A key and its new secret, which can't be asked for again."""

    key: Key
    secret: str


def create(change: Change, new: NewKey) -> Issued:
    """Make a key.

    Raises:
        NotFoundError: the project isn't there.
        InvalidError: it would be expired already.
    """
    live_project(change.session, new.project)
    _in_future(change, new.expires_at)
    fields = new.model_dump(mode="json", exclude={"expires_at"})
    row = KeyRow(**fields, id=new_id("key"), expires_at=new.expires_at, created_at=change.now)
    change.session.add(row)
    change.session.flush()
    secret = _add_secret(change, row.id)
    change.audit("key.create", row.id, row.project, new.model_dump(mode="json", exclude_defaults=True))
    return Issued(_one(change.session, row), secret)


def patch(change: Change, key_id: str, changes: KeyPatch) -> Key:
    """Change a key.

    Raises:
        NotFoundError, ConflictError, InvalidError: nothing was changed.
    """
    row = _unrevoked(change.session, key_id)
    given = changes.model_dump(mode="json", exclude_unset=True)
    if "expires_at" in given:
        _in_future(change, changes.expires_at)
    for name in given:
        value = getattr(changes, name)
        setattr(row, name, list(value) if isinstance(value, tuple) else value)
    change.audit("key.update", key_id, row.project, given)
    return _one(change.session, row)


def rotate(change: Change, key_id: str, rotation: Rotation) -> Issued:
    """Give a key a new secret; all older ones end with the overlap, or when they would have anyway.

    Raises:
        NotFoundError, ConflictError: nothing was changed.
    """
    row = _unrevoked(change.session, key_id)
    ends = change.now + timedelta(seconds=rotation.overlap_s)
    mine, until = KeySecretRow.key_id == key_id, KeySecretRow.valid_until
    change.session.execute(delete(KeySecretRow).where(mine, until <= change.now))
    longer = or_(until.is_(None), until > ends)
    change.session.execute(update(KeySecretRow).where(mine, longer).values(valid_until=ends))
    row.rotated_at = change.now
    secret = _add_secret(change, key_id)
    change.audit("key.rotate", key_id, row.project, rotation.model_dump())
    return Issued(_one(change.session, row), secret)


def revoke(change: Change, key_id: str) -> Key:
    """End a key for good. Edges refuse it within two seconds. A revoked key stays as it is.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, KeyRow, key_id, "key")
    if row.revoked_at is None:
        row.revoked_at = change.now
        change.audit("key.revoke", key_id, row.project, {})
    return _one(change.session, row)


def show(session: Session, key_id: str) -> Key:
    """One key.

    Raises:
        NotFoundError: there is none of that id.
    """
    return _one(session, get(session, KeyRow, key_id, "key"))


def listed(
    session: Session,
    *,
    now: datetime,
    project: str | None = None,
    state: KeyState = "active",
    before: str | None = None,
    limit: int,
) -> list[Key]:
    """Keys, newest first, from before an id on."""
    query = select(KeyRow).where(*_in_state(state, now))
    if project is not None:
        query = query.where(KeyRow.project == project)
    return _records(session, session.scalars(page(query, KeyRow.id, before=before, limit=limit)).all())


def _in_state(state: KeyState, now: datetime) -> tuple[ColumnElement[bool], ...]:
    unrevoked = KeyRow.revoked_at.is_(None)
    conditions: dict[KeyState, tuple[ColumnElement[bool], ...]] = {
        "active": (unrevoked, or_(KeyRow.expires_at.is_(None), KeyRow.expires_at > now)),
        "expired": (unrevoked, KeyRow.expires_at <= now),
        "revoked": (KeyRow.revoked_at.is_not(None),),
        "all": (),
    }
    return conditions[state]


def _unrevoked(session: Session, key_id: str) -> KeyRow:
    row = get(session, KeyRow, key_id, "key")
    if row.revoked_at is not None:
        raise ConflictError(f"key {key_id!r} is revoked")
    return row


def _in_future(change: Change, expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= change.now:
        raise InvalidError("must be in the future; to end a key now, revoke it", "expires_at")


def _add_secret(change: Change, key_id: str) -> str:
    secret = new_secret(KEY_PREFIX)
    row = KeySecretRow(digest=digest(secret), key_id=key_id, last4=last4(secret), created_at=change.now)
    change.session.add(row)
    change.session.flush()
    return secret


def _one(session: Session, row: KeyRow) -> Key:
    return _records(session, [row])[0]


def _records(session: Session, rows: Sequence[KeyRow]) -> list[Key]:
    """The records of rows, with what their secrets add: the current one's tail and the overlap's end."""
    query = select(KeySecretRow).where(KeySecretRow.key_id.in_([row.id for row in rows]))
    current: dict[str, KeySecretRow] = {}
    overlap: dict[str, datetime] = {}
    for secret in session.scalars(query):
        if secret.valid_until is None:
            current[secret.key_id] = secret
        else:
            overlap[secret.key_id] = max(secret.valid_until, overlap.get(secret.key_id, secret.valid_until))
    return [_record(row, current[row.id].last4, overlap.get(row.id)) for row in rows]


def _record(row: KeyRow, tail: str, overlap_until: datetime | None) -> Key:
    columns = {column.key: getattr(row, column.key) for column in KeyRow.__table__.columns}
    return Key.model_validate({**columns, "last4": tail, "overlap_until": overlap_until})
