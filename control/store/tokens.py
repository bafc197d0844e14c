"""Tokens of projects, kept as digests."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from tallygate.control.errors import InvalidError
from tallygate.control.records import ApiToken
from tallygate.control.secrets import API_PREFIX, digest, last4, new_id, new_secret
from tallygate.control.specs import NewApiToken
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, live_project, page
from tallygate.control.store.tables import ApiTokenRow


class IssuedApiToken(NamedTuple):
    """A token's record and its secret, which can't be asked for again."""

    token: ApiToken
    secret: str


def create(change: Change, new: NewApiToken) -> IssuedApiToken:
    """Make a token.

    Raises:
        NotFoundError: the project isn't there.
        InvalidError: it would be expired already.
    """
    live_project(change.session, new.project)
    if new.expires_at is not None and new.expires_at <= change.now:
        raise InvalidError("expires_at is in the past", "expires_at")
    secret = new_secret(API_PREFIX)
    row = ApiTokenRow(
        **new.model_dump(),
        id=new_id("token"),
        digest=digest(secret),
        last4=last4(secret),
        created_at=change.now,
        revoked_at=None,
    )
    change.session.add(row)
    change.session.flush()
    change.audit("token.create", row.id, row.project, {"name": new.name, "role": str(new.role)})
    return IssuedApiToken(to_token(row), secret)


def revoke(change: Change, token_id: str) -> ApiToken:
    """End a token, at once.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, ApiTokenRow, token_id, "token")
    if row.revoked_at is None:
        row.revoked_at = change.now
        change.audit("token.revoke", token_id, row.project, {})
    return to_token(row)


def authenticate(session: Session, secret: str, now: datetime) -> ApiToken | None:
    """The token that a secret is, if it is one and in force."""
    query = select(ApiTokenRow).where(
        ApiTokenRow.digest == digest(secret),
        ApiTokenRow.revoked_at.is_(None),
        or_(ApiTokenRow.expires_at.is_(None), ApiTokenRow.expires_at > now),
    )
    row = session.scalars(query).one_or_none()
    return None if row is None else to_token(row)


def listed(
    session: Session, *, project: str | None = None, before: str | None = None, limit: int
) -> list[ApiToken]:
    """Tokens, newest first."""
    query = select(ApiTokenRow)
    if project is not None:
        query = query.where(ApiTokenRow.project == project)
    return [to_token(row) for row in session.scalars(page(query, ApiTokenRow.id, before=before, limit=limit))]


def to_token(row: ApiTokenRow) -> ApiToken:
    """The record of a row."""
    return ApiToken.model_validate(row, from_attributes=True)
