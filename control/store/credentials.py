"""Provider credentials: sealed on the way in, never given out but in the edges' dump, still sealed."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from tallygate.control.dump import DumpedCredential
from tallygate.control.errors import ConflictError
from tallygate.control.records import Credential
from tallygate.control.sealed import seal_secrets
from tallygate.control.secrets import last4, new_id
from tallygate.control.snapshot import Deployment, credential_context, deployment
from tallygate.control.specs import CredentialPatch, NewCredential, Secrets
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, live_project, page
from tallygate.control.store.tables import CredentialRow
from tallygate.control.vault import Vault

MAIN_SECRETS = ("api_key", "secret_access_key")
"""Whose tail is shown."""


def create(change: Change, new: NewCredential) -> Credential:
    """Keep a credential.

    Raises:
        NotFoundError: the project isn't there.
        ConflictError: this provider has one of that name there.
    """
    live_project(change.session, new.project)
    _name_free(change.session, new.project, new.provider, new.name)
    row_id = new_id("cred")
    row = CredentialRow(
        **new.model_dump(exclude={"secrets"}),
        id=row_id,
        sealed=seal_secrets(new.secrets, change.vault, context=credential_context(row_id)),
        last4=_tail(new.secrets),
        created_at=change.now,
        updated_at=change.now,
    )
    change.session.add(row)
    change.session.flush()
    detail = new.model_dump(mode="json", exclude_defaults=True, exclude={"secrets"})
    change.audit("credential.create", row_id, new.project, detail)
    return to_credential(row)


def patch(change: Change, credential_id: str, changes: CredentialPatch) -> Credential:
    """Change a credential.

    Raises:
        NotFoundError, ConflictError: nothing was changed.
    """
    row = get(change.session, CredentialRow, credential_id, "credential")
    given = changes.model_dump(exclude_unset=True, exclude={"secrets"})
    if given.get("name", row.name) != row.name:
        _name_free(change.session, row.project, row.provider, changes.name)
    for name, value in given.items():
        setattr(row, name, value)
    if "secrets" in changes.model_fields_set:
        row.sealed = seal_secrets(changes.secrets, change.vault, context=credential_context(row.id))
        row.last4 = _tail(changes.secrets)
        given["secrets"] = "replaced"
    row.updated_at = change.now
    change.audit("credential.update", row.id, row.project, given)
    return to_credential(row)


def remove(change: Change, credential_id: str) -> None:
    """Delete a credential.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, CredentialRow, credential_id, "credential")
    change.session.delete(row)
    change.audit("credential.remove", row.id, row.project, {"provider": row.provider, "name": row.name})


def show(session: Session, credential_id: str) -> Credential:
    """One credential, without its secrets.

    Raises:
        NotFoundError: there is none of that id.
    """
    return to_credential(get(session, CredentialRow, credential_id, "credential"))


def opened(session: Session, vault: Vault, credential_id: str) -> Deployment:
    """One credential with its secrets.

    Raises:
        NotFoundError: there is none of that id.
        SealError: it is damaged.
    """
    row = get(session, CredentialRow, credential_id, "credential")
    return deployment(DumpedCredential.model_validate(row, from_attributes=True), vault)


def listed(
    session: Session,
    *,
    project: str | None = None,
    provider: str | None = None,
    before: str | None = None,
    limit: int,
) -> list[Credential]:
    """Credentials, newest first; with a project, its own and the shared ones."""
    query = select(CredentialRow)
    if project is not None:
        query = query.where(or_(CredentialRow.project == project, CredentialRow.project.is_(None)))
    if provider is not None:
        query = query.where(CredentialRow.provider == provider)
    rows = session.scalars(page(query, CredentialRow.id, before=before, limit=limit))
    return [to_credential(row) for row in rows]


def to_credential(row: CredentialRow) -> Credential:
    """The record of a row."""
    return Credential.model_validate(row, from_attributes=True)


def _name_free(session: Session, project: str | None, provider: str, name: str) -> None:
    same: tuple[ColumnElement[bool], ...] = (
        CredentialRow.project.is_not_distinct_from(project),
        CredentialRow.provider == provider,
        CredentialRow.name == name,
    )
    if session.execute(select(CredentialRow.id).where(*same)).first() is not None:
        raise ConflictError(
            f"{provider} has a credential named {name!r} there already: name this one differently"
        )


def _tail(secrets: Secrets) -> str:
    return next((last4(secrets[name].get_secret_value()) for name in MAIN_SECRETS if name in secrets), "")
