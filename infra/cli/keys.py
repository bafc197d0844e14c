"""`tallygate keys`: gateway keys."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from tallygate.control.store.keys import Issued, KeyState


@click.group()
def keys() -> None:
    """Make and end the keys that callers use."""


@keys.command()
@click.argument("name")
@project_option
@click.option("--user", help="User that calls with this key are counted for, unless they name one.")
@click.option(
    "--model", "models", multiple=True, help="Allowed models, * for any part; repeat. [default: all]"
)
@click.option(
    "--limit", "limits", multiple=True, help="Rate limit, such as 100;w=60 or 500;w=86400;u=cents; repeat."
)
@click.option("--expires-in", type=Span(), help="Life of the key, such as 90d. [default: for ever]")
@json_option
def create(
    name: str,
    project: str,
    user: str | None,
    models: tuple[str, ...],
    limits: tuple[str, ...],
    expires_in: timedelta | None,
    as_json: bool,
) -> None:
    """Make a key; its secret is printed once."""
    from tallygate.control.specs import NewKey
    from tallygate.control.store import keys as stored

    new = spec(
        NewKey,
        {
            "name": name,
            "project": project,
            "user_id": user,
            "models": models,
            "rate_limits": limits,
            "expires_at": None if expires_in is None else datetime.now(UTC) + expires_in,
        },
    )
    with opened_store() as store:
        with store.write(actor()) as change:
            issued = stored.create(change, new)
        _show_issued(issued, as_json=as_json)


@keys.command("list")
@click.option("--project", help="Of one project only.")
@click.option(
    "--state",
    type=click.Choice(["active", "expired", "revoked", "all"]),
    default="active",
    show_default=True,
)
@json_option
def list_keys(project: str | None, state: "KeyState", as_json: bool) -> None:
    """List keys, without their secrets."""
    from tallygate.control.store import keys as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, now=datetime.now(UTC), project=project, state=state, limit=LIMIT)
        print_records(
            found, COLUMNS, as_json=as_json, nothing="no keys; `tallygate keys create NAME` makes one"
        )


@keys.command()
@click.argument("key_id")
def show(key_id: str) -> None:
    """Print all that is known of a key, as JSON."""
    from tallygate.control.store import keys as stored

    with opened_store() as store, store.read() as session:
        click.echo(stored.show(session, key_id).model_dump_json(indent=2))


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap",
    type=Span(),
    default="1d",
    show_default=True,
    help="How long the old secret is still taken; 0s: not.",
)
@json_option
def rotate(key_id: str, overlap: timedelta, as_json: bool) -> None:
    """Give a key a new secret, printed once."""
    from tallygate.control.specs import Rotation
    from tallygate.control.store import keys as stored

    rotation = spec(Rotation, {"overlap_s": int(overlap.total_seconds())})
    with opened_store() as store:
        with store.write(actor()) as change:
            issued = stored.rotate(change, key_id, rotation)
        _show_issued(issued, as_json=as_json)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """End a key for good, within two seconds."""
    from tallygate.control.store import keys as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            key = stored.revoke(change, key_id)
        click.echo(f"revoked: {key.name} ({key.id})", err=True)


def _show_issued(issued: "Issued", *, as_json: bool) -> None:
    from tallygate.control.api.keys import IssuedKey

    record = IssuedKey(key=issued.key, secret=issued.secret)
    about = f"{issued.key.name} ({issued.key.id}) of project {issued.key.project}"
    shown_once(issued.secret, about, record=record, as_json=as_json)


COLUMNS: Columns = (
    ("ID", lambda key: key.id),
    ("NAME", lambda key: key.name),
    ("PROJECT", lambda key: key.project),
    ("ENDS IN", lambda key: f"…{key.last4}"),
    ("USER", lambda key: key.user_id),
    ("MODELS", lambda key: key.models or "all"),
    ("LIMITS", lambda key: key.rate_limits),
    ("EXPIRES", lambda key: key.expires_at),
    ("REVOKED", lambda key: key.revoked_at),
)
