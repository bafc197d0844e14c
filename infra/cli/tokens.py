"""`tallygate tokens`: tokens of projects, for scripts that read the query API."""

from datetime import UTC, datetime, timedelta

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    Span,
    actor,
    json_option,
    opened_store,
    print_records,
    project_option,
    shown_once,
    spec,
)


@click.group()
def tokens() -> None:
    """Make and end tokens with which scripts read a project's calls."""


@tokens.command()
@click.argument("name")
@project_option
@click.option("--role", default="viewer", show_default=True, help="viewer, member or admin.")
@click.option("--expires-in", type=Span(), help="Life of the token, such as 90d. [default: for ever]")
@json_option
def create(name: str, project: str, role: str, expires_in: timedelta | None, as_json: bool) -> None:
    """Make a token; it is printed once."""
    from tallygate.control.api.tokens import IssuedApiToken
    from tallygate.control.specs import NewApiToken
    from tallygate.control.store import tokens as stored

    expires_at = None if expires_in is None else datetime.now(UTC) + expires_in
    new = spec(NewApiToken, {"name": name, "project": project, "role": role, "expires_at": expires_at})
    with opened_store() as store:
        with store.write(actor()) as change:
            issued = stored.create(change, new)
        record = IssuedApiToken(token=issued.token, secret=issued.secret)
        about = f"{name} ({issued.token.id}), {role} of {project}"
        shown_once(issued.secret, about, record=record, as_json=as_json)


@tokens.command("list")
@click.option("--project", help="Of one project only.")
@json_option
def list_tokens(project: str | None, as_json: bool) -> None:
    """List tokens, without their secrets."""
    from tallygate.control.store import tokens as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, project=project, limit=LIMIT)
        print_records(found, TOKEN_COLUMNS, as_json=as_json, nothing="no tokens")


@tokens.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """End a token, at once."""
    from tallygate.control.store import tokens as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            token = stored.revoke(change, token_id)
        click.echo(f"revoked: {token.name} ({token.id})", err=True)


TOKEN_COLUMNS: Columns = (
    ("ID", lambda token: token.id),
    ("NAME", lambda token: token.name),
    ("PROJECT", lambda token: token.project),
    ("ROLE", lambda token: token.role),
    ("ENDS IN", lambda token: f"…{token.last4}"),
    ("EXPIRES", lambda token: token.expires_at),
    ("REVOKED", lambda token: token.revoked_at),
)
