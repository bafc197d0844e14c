"""`tallygate admins`: who may use the admin API, and who changed what."""

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    actor,
    json_option,
    opened_store,
    print_records,
    shown_once,
    spec,
)


@click.group()
def admins() -> None:
    """Make and end tokens of the admin API; read the audit log."""


@admins.command()
@click.argument("name")
@json_option
def create(name: str, as_json: bool) -> None:
    """Make a token; it is printed once."""
    from tallygate.control.api.admins import IssuedToken
    from tallygate.control.specs import NewAdminToken
    from tallygate.control.store import admins as stored

    new = spec(NewAdminToken, {"name": name})
    with opened_store() as store:
        with store.write(actor()) as change:
            issued = stored.create(change, new)
        record = IssuedToken(token=issued.token, secret=issued.secret)
        shown_once(issued.secret, f"{name} ({issued.token.id})", record=record, as_json=as_json)


@admins.command("list")
@json_option
def list_admins(as_json: bool) -> None:
    """List tokens, without their secrets."""
    from tallygate.control.store import admins as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, limit=LIMIT)
        print_records(found, TOKEN_COLUMNS, as_json=as_json, nothing="no admin tokens")


@admins.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """End a token, at once."""
    from tallygate.control.store import admins as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            token = stored.revoke(change, token_id)
        click.echo(f"revoked: {token.name} ({token.id})", err=True)


@admins.command()
@click.option("--project", help="Of one project only.")
@click.option("--limit", type=click.IntRange(1, LIMIT), default=50, show_default=True)
@json_option
def log(project: str | None, limit: int, as_json: bool) -> None:
    """List changes of projects, keys, credentials and aliases, newest first."""
    from tallygate.control.store import audit

    with opened_store() as store, store.read() as session:
        found = audit.listed(session, project=project, limit=limit)
        print_records(found, AUDIT_COLUMNS, as_json=as_json, nothing="nothing was changed yet")


TOKEN_COLUMNS: Columns = (
    ("ID", lambda token: token.id),
    ("NAME", lambda token: token.name),
    ("ENDS IN", lambda token: f"…{token.last4}"),
    ("CREATED", lambda token: token.created_at),
    ("REVOKED", lambda token: token.revoked_at),
)
AUDIT_COLUMNS: Columns = (
    ("AT", lambda entry: entry.at),
    ("WHO", lambda entry: entry.actor),
    ("WHAT", lambda entry: entry.action),
    ("PROJECT", lambda entry: entry.project),
    ("TARGET", lambda entry: entry.target),
    ("DETAIL", lambda entry: ", ".join(f"{name}={value}" for name, value in entry.detail.items())),
)
