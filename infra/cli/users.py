"""`tallygate users`: who may sign in to the API and the pages, and what they may do there."""

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    actor,
    json_option,
    opened_store,
    print_records,
    project_option,
    secret_of,
    spec,
)

email_argument = click.argument("email")
variable_option = click.option("--password-env", help="Variable that holds the password. [default: asked]")


@click.group()
def users() -> None:
    """Say who may sign in to the dashboard, and what they may do there."""


@users.command()
@email_argument
@click.option("--name", help="[default: what is before the @]")
@click.option(
    "--admin", is_flag=True, help="Administrator of the installation: everything, in every project."
)
@click.option("--project", help="Project to give a role in.")
@click.option("--role", help="That role: viewer, member or admin. [default: viewer]")
@click.option("--no-password", is_flag=True, help="They sign in at the identity provider.")
@variable_option
def add(
    email: str,
    name: str | None,
    admin: bool,
    project: str | None,
    role: str | None,
    no_password: bool,
    password_env: str | None,
) -> None:
    """Add a user. The password is asked for, or read from a pipe."""
    from tallygate.control.specs import Grant, NewUser
    from tallygate.control.store import users as stored

    if role and not project:
        raise click.UsageError("--role is a role in a project: name it with --project")
    new = spec(NewUser, {"email": email, "name": name, "admin": admin})
    given = None
    if project:
        given = spec(Grant, {"email": email, "project": project, "role": role or "viewer"})
    hashed = None if no_password else _hashed(password_env)
    with opened_store() as store:
        with store.write(actor()) as change:
            user = stored.add(change, new, password=hashed)
            if given is not None:
                stored.grant(change, given)
        rights = "administrator" if admin else f"{given.role} of {given.project}" if given else "no role yet"
        click.echo(f"added: {user.email} ({rights})", err=True)


@users.command()
@email_argument
@variable_option
def password(email: str, password_env: str | None) -> None:
    """Set another password; signs the user out everywhere."""
    from tallygate.control.store import users as stored

    hashed = _hashed(password_env)
    with opened_store() as store:
        with store.write(actor()) as change:
            user = stored.set_password(change, _address(email), hashed)
        click.echo(f"password set: {user.email}", err=True)


@users.command()
@email_argument
@click.argument("role_name", metavar="ROLE")
@project_option
def role(email: str, role_name: str, project: str) -> None:
    """Give the role viewer, member or admin in a project; `none` takes it."""
    from tallygate.control.specs import Grant
    from tallygate.control.store import users as stored

    if role_name == "none":
        with opened_store() as store, store.write(actor()) as change:
            stored.withdraw(change, _address(email), project)
    else:
        given = spec(Grant, {"email": email, "project": project, "role": role_name})
        with opened_store() as store, store.write(actor()) as change:
            stored.grant(change, given)
    click.echo(f"{email}: {role_name} in {project}", err=True)


@users.command()
@email_argument
@click.option("--off", is_flag=True, help="No longer.")
def admin(email: str, off: bool) -> None:
    """Make a user an administrator of the installation."""
    from tallygate.control.store import users as stored

    with opened_store() as store, store.write(actor()) as change:
        stored.set_admin(change, _address(email), admin=not off)
    click.echo(f"{email}: {'no longer ' if off else ''}an administrator of the installation", err=True)


@users.command("sign-out")
@email_argument
def sign_out(email: str) -> None:
    """End all of a user's sessions, at once."""
    from tallygate.control.store import users as stored

    with opened_store() as store, store.write(actor()) as change:
        stored.sign_out(change, _address(email))
    click.echo(f"signed out: {email}", err=True)


@users.command()
@email_argument
def remove(email: str) -> None:
    """Remove a user, with roles and sessions."""
    from tallygate.control.store import users as stored

    with opened_store() as store, store.write(actor()) as change:
        stored.remove(change, _address(email))
    click.echo(f"removed: {email}", err=True)


@users.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List users."""
    from tallygate.control.store import users as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, limit=LIMIT)
        print_records(found, USER_COLUMNS, as_json=as_json, nothing="no users")


@users.command()
@click.option("--project", help="Of one project only.")
@json_option
def roles(project: str | None, as_json: bool) -> None:
    """List who has which role where."""
    from tallygate.control.store import users as stored

    with opened_store() as store, store.read() as session:
        found = stored.members(session, project=project, limit=LIMIT)
        print_records(found, ROLE_COLUMNS, as_json=as_json, nothing="nobody has a role in a project")


def _address(email: str) -> str:
    from tallygate.control.specs import OneEmail

    return spec(OneEmail, {"email": email}).email


def _hashed(variable: str | None) -> str:
    from tallygate.control.access.passwords import NewSecret, hashed

    given = secret_of("Password", variable)
    return hashed(spec(NewSecret, {"password": given}).password.get_secret_value())


USER_COLUMNS: Columns = (
    ("EMAIL", lambda user: user.email),
    ("NAME", lambda user: user.name),
    ("ADMINISTRATOR", lambda user: "yes" if user.admin else ""),
    ("ADDED", lambda user: user.created_at),
    ("LAST SIGN-IN", lambda user: user.signed_in_at),
)
ROLE_COLUMNS: Columns = (
    ("PROJECT", lambda member: member.project),
    ("EMAIL", lambda member: member.email),
    ("ROLE", lambda member: member.role),
)
