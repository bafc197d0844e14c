"""Tokens of the admin API, kept as digests."""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from tallygate.control.records import AdminToken
from tallygate.control.secrets import ADMIN_PREFIX, digest, last4, new_id, new_secret
from tallygate.control.specs import NewAdminToken
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, page
from tallygate.control.store.tables import AdminTokenRow


class IssuedAdmin(NamedTuple):
    """A token's record and its secret, which can't be asked for again."""

    token: AdminToken
    secret: str


def create(change: Change, new: NewAdminToken) -> IssuedAdmin:
    """Make a token."""
    secret = new_secret(ADMIN_PREFIX)
    row = AdminTokenRow(
        id=new_id("admin"), name=new.name, digest=digest(secret), last4=last4(secret), created_at=change.now
    )
    change.session.add(row)
    change.session.flush()
    change.audit("admin.create", row.id, None, {"name": new.name})
    return IssuedAdmin(to_token(row), secret)


def revoke(change: Change, token_id: str) -> AdminToken:
    """End a token, at once.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, AdminTokenRow, token_id, "admin token")
    if row.revoked_at is None:
        row.revoked_at = change.now
        change.audit("admin.revoke", token_id, None, {})
    return to_token(row)


def authenticate(session: Session, secret: str) -> AdminToken | None:
    """The token that a secret is, if it is one and not revoked."""
    query = select(AdminTokenRow).where(
        AdminTokenRow.digest == digest(secret), AdminTokenRow.revoked_at.is_(None)
    )
    row = session.scalars(query).one_or_none()
    return None if row is None else to_token(row)


def listed(session: Session, *, before: str | None = None, limit: int) -> list[AdminToken]:
    """Tokens, newest first."""
    query = page(select(AdminTokenRow), AdminTokenRow.id, before=before, limit=limit)
    return [to_token(row) for row in session.scalars(query)]


def to_token(row: AdminTokenRow) -> AdminToken:
    """The record of a row."""
    return AdminToken.model_validate(row, from_attributes=True)
