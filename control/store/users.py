"""Users and their roles."""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from tallygate.control.errors import ConflictError, NotFoundError
from tallygate.control.records import Membership, ProjectRole, User
from tallygate.control.roles import Role
from tallygate.control.secrets import new_id
from tallygate.control.specs import Grant, NewUser
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import live_project
from tallygate.control.store.tables import MembershipRow, ProjectRow, SessionRow, UserRow


def add(change: Change, new: NewUser, *, password: str | None = None, subject: str | None = None) -> User:
    """Make a user.

    Args:
        password: its hash; None for who signs in at the identity provider only.
        subject: who this is there, if that is known.

    Raises:
        ConflictError: the address is taken.
    """
    if _find(change.session, new.email) is not None:
        raise ConflictError(f"there is a user {new.email} already")
    row = UserRow(
        id=new_id("user"),
        email=new.email,
        name=new.name or new.email.partition("@")[0],
        admin=new.admin,
        password=password,
        subject=subject,
        created_at=change.now,
        signed_in_at=None,
    )
    change.session.add(row)
    change.session.flush()
    change.audit("user.add", row.id, None, {"email": row.email, "admin": row.admin})
    return to_user(row)


def set_password(change: Change, email: str, hashed: str) -> User:
    """Give a user another password, and end all sessions under the old one.

    Raises:
        NotFoundError: there is no such user.
    """
    row = _get(change.session, email)
    row.password = hashed
    _sign_out(change, row)
    change.audit("user.password", row.id, None, {"email": row.email})
    return to_user(row)


def set_admin(change: Change, email: str, *, admin: bool) -> User:
    """Make a user an administrator of the installation, or no longer.

    Raises:
        NotFoundError: there is no such user.
    """
    row = _get(change.session, email)
    row.admin = admin
    change.audit("user.admin", row.id, None, {"email": row.email, "admin": admin})
    return to_user(row)


def grant(change: Change, given: Grant) -> Membership:
    """Give a user a role in a project, instead of the one they had.

    Raises:
        NotFoundError: there is no such user or project.
    """
    live_project(change.session, given.project)
    row = _get(change.session, given.email)
    membership = change.session.get(MembershipRow, (row.id, given.project))
    if membership is None:
        membership = MembershipRow(user=row.id, project=given.project, role=given.role)
        change.session.add(membership)
    membership.role = given.role
    change.session.flush()
    change.audit("member.grant", row.id, given.project, {"email": row.email, "role": str(given.role)})
    return Membership(email=row.email, project=given.project, role=given.role)


def withdraw(change: Change, email: str, project: str) -> None:
    """Take a user's role in a project.

    Raises:
        NotFoundError: they have none there.
    """
    row = _find(change.session, email)
    membership = None if row is None else change.session.get(MembershipRow, (row.id, project))
    if row is None or membership is None:
        raise NotFoundError(f"{email} has no role in project {project!r}")
    change.session.delete(membership)
    change.audit("member.withdraw", row.id, project, {"email": row.email})


def sign_out(change: Change, email: str) -> None:
    """End all sessions of a user.

    Raises:
        NotFoundError: there is no such user.
    """
    row = _get(change.session, email)
    _sign_out(change, row)
    change.audit("user.sign_out", row.id, None, {"email": row.email})


def remove(change: Change, email: str) -> None:
    """Forget a user, with roles and sessions. What they did stays in the audit log.

    Raises:
        NotFoundError: there is no such user.
    """
    row = _get(change.session, email)
    _sign_out(change, row)
    change.session.execute(delete(MembershipRow).where(MembershipRow.user == row.id))
    change.session.delete(row)
    change.audit("user.remove", row.id, None, {"email": row.email})


def bind(change: Change, email: str, subject: str) -> User | None:
    """Who has signed in at the identity provider as this subject with this verified address.

    The first sign-in binds the user of that address to the subject; None if there is no such user.

    Raises:
        ConflictError: the address is bound to another subject: at the provider another person has it now.
    """
    row = change.session.scalars(select(UserRow).where(UserRow.subject == subject)).one_or_none()
    if row is not None:
        return to_user(row)
    row = _find(change.session, email)
    if row is None:
        return None
    if row.subject is not None:
        raise ConflictError(f"{email} belongs to another account of the identity provider")
    row.subject = subject
    change.audit("user.bind", row.id, None, {"email": email})
    return to_user(row)


def password_of(session: Session, email: str) -> tuple[str, str | None] | None:
    """Id and password hash of a user, None if there is no such user."""
    row = _find(session, email)
    return None if row is None else (row.id, row.password)


def rehash(change: Change, user_id: str, hashed: str) -> None:
    """Keep the same password under a better hash."""
    change.session.get_one(UserRow, user_id).password = hashed


def roles_of(session: Session, user_id: str) -> dict[str, Role]:
    """A user's roles by project."""
    rows = session.execute(
        select(MembershipRow.project, MembershipRow.role).where(MembershipRow.user == user_id)
    )
    return {project: Role(role) for project, role in rows}


def projects_with(session: Session, roles: dict[str, Role] | None) -> list[ProjectRole]:
    """Projects that aren't archived, with the role there; None: all of them, as their administrator."""
    query = (
        select(ProjectRow.id, ProjectRow.name).where(ProjectRow.archived_at.is_(None)).order_by(ProjectRow.id)
    )
    if roles is not None:
        query = query.where(ProjectRow.id.in_(roles))
    return [
        ProjectRole(id=project, name=name, role=Role.ADMIN if roles is None else roles[project])
        for project, name in session.execute(query)
    ]


def listed(session: Session, *, after: str | None = None, limit: int) -> list[User]:
    """Users by address, from after an address on."""
    query = select(UserRow).order_by(UserRow.email).limit(limit)
    if after is not None:
        query = query.where(UserRow.email > after)
    return [to_user(row) for row in session.scalars(query)]


def members(session: Session, *, project: str | None = None, limit: int) -> list[Membership]:
    """Who has which role where."""
    query = (
        select(UserRow.email, MembershipRow.project, MembershipRow.role)
        .join(UserRow, UserRow.id == MembershipRow.user)
        .order_by(MembershipRow.project, UserRow.email)
        .limit(limit)
    )
    if project is not None:
        query = query.where(MembershipRow.project == project)
    return [
        Membership(email=email, project=of, role=Role(role)) for email, of, role in session.execute(query)
    ]


def has_admin(session: Session) -> bool:
    """Whether there is an administrator of the installation."""
    return bool(session.scalar(select(func.count()).select_from(UserRow).where(UserRow.admin)))


def to_user(row: UserRow) -> User:
    """The record of a row."""
    return User.model_validate(row, from_attributes=True)


def _sign_out(change: Change, row: UserRow) -> None:
    change.session.execute(delete(SessionRow).where(SessionRow.user == row.id))


def _find(session: Session, email: str) -> UserRow | None:
    return session.scalars(select(UserRow).where(UserRow.email == email)).one_or_none()


def _get(session: Session, email: str) -> UserRow:
    row = _find(session, email)
    if row is None:
        raise NotFoundError(f"there is no user {email}")
    return row
