"""Browsers that are signed in: until they weren't used for a while, and at most for a set time."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from tallygate.control.records import User
from tallygate.control.roles import Role
from tallygate.control.secrets import SESSION_PREFIX, digest, new_secret
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get
from tallygate.control.store.tables import SessionRow, UserRow
from tallygate.control.store.users import roles_of, to_user

TOUCH_AFTER = timedelta(minutes=1)
"""How exactly the last use is known: noting each would make a write of every read."""


class Lifetime(NamedTuple):
    """How long sessions live."""

    idle: timedelta
    longest: timedelta


class Known(NamedTuple):
    """Who a session's secret belongs to."""

    user: User
    roles: dict[str, Role]
    stale: bool
    """Whether its last use is to be noted."""


def begin(change: Change, user_id: str, method: str, lifetime: Lifetime) -> tuple[str, User]:
    """Sign a user in; returns the secret for the cookie, which is always a new one.

    Sessions that have ended are cleared away here.

    Raises:
        NotFoundError: there is no such user.
    """
    row = get(change.session, UserRow, user_id, "user")
    row.signed_in_at = change.now
    ended = or_(SessionRow.expires_at <= change.now, SessionRow.seen_at <= change.now - lifetime.idle)
    change.session.execute(delete(SessionRow).where(ended))
    secret = new_secret(SESSION_PREFIX)
    change.session.add(
        SessionRow(
            digest=digest(secret),
            user=user_id,
            method=method,
            created_at=change.now,
            seen_at=change.now,
            expires_at=change.now + lifetime.longest,
        )
    )
    change.audit("session.begin", user_id, None, {"method": method})
    return secret, to_user(row)


def find(session: Session, shown: bytes, lifetime: Lifetime, now: datetime) -> Known | None:
    """Who a session is, by the digest of its secret; None if it has ended or there was none."""
    query = (
        select(SessionRow.seen_at, UserRow)
        .join(UserRow, UserRow.id == SessionRow.user)
        .where(
            SessionRow.digest == shown, SessionRow.expires_at > now, SessionRow.seen_at > now - lifetime.idle
        )
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    seen_at, row = found
    return Known(to_user(row), roles_of(session, row.id), seen_at <= now - TOUCH_AFTER)


def touch(change: Change, shown: bytes) -> None:
    """Note that a session is used."""
    change.session.execute(update(SessionRow).where(SessionRow.digest == shown).values(seen_at=change.now))


def end(change: Change, shown: bytes) -> None:
    """Sign one browser out, if it is signed in."""
    user = change.session.scalar(select(SessionRow.user).where(SessionRow.digest == shown))
    if user is not None:
        change.session.execute(delete(SessionRow).where(SessionRow.digest == shown))
        change.audit("session.end", user, None, {})
