"""`tallygate providers`: the providers' credentials, and where they are used."""

import asyncio
import sys
from typing import Any

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    actor,
    json_option,
    opened_store,
    print_records,
    secret_of,
    spec,
)


@click.group()
def providers() -> None:
    """Keep the providers' keys, encrypted."""


@providers.command()
@click.argument("provider")
@click.option("--project", help="For one project only. [default: for all]")
@click.option("--name", help='What to call it, if the provider has several. [default: "default"]')
@click.option(
    "--field", "fields", multiple=True, default=("api_key",), show_default=True, help="Secrets asked for."
)
@click.option(
    "--from-env", "variables", multiple=True, help="Variable to take each secret from, in that order."
)
@click.option("--no-secret", is_flag=True, help="The server asks for none.")
@click.option("--base-url", help="As the provider's own SDK takes it. [default: the provider's]")
@click.option("--region")
@click.option("--api-version")
@click.option("--map", "mapped", multiple=True, metavar="MODEL=NAME", help="A model's name there; repeat.")
@click.option("--weight", type=int, help="Share of the calls among several. [default: 1]")
@json_option
def add(
    provider: str,
    fields: tuple[str, ...],
    variables: tuple[str, ...],
    no_secret: bool,
    mapped: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Keep a credential. Its secret is asked for, or read from standard input (a line each)."""
    from tallygate.control.specs import NewCredential
    from tallygate.control.store import credentials

    secrets = {} if no_secret else _secrets(provider, fields, variables)
    new = spec(NewCredential, {**given, "provider": provider, "secrets": secrets, "model_map": _map(mapped)})
    with opened_store() as store:
        with store.write(actor()) as change:
            kept = credentials.create(change, new)
        print_records([kept], COLUMNS, as_json=as_json, nothing="")


@providers.command("list")
@click.option("--project", help="What one project can use.")
@json_option
def list_providers(project: str | None, as_json: bool) -> None:
    """List credentials, without their secrets."""
    from tallygate.control.store import credentials

    with opened_store() as store, store.read() as session:
        found = credentials.listed(session, project=project, limit=LIMIT)
        nothing = "none; `tallygate providers add PROVIDER` keeps one, else the providers' variables are used"
        print_records(found, COLUMNS, as_json=as_json, nothing=nothing)


@providers.command()
@click.argument("credential_id")
@click.option("--name")
@click.option("--base-url")
@click.option("--region")
@click.option("--api-version")
@click.option("--weight", type=int)
@click.option("--enable/--disable", "enabled", default=None, help="Whether calls are sent there.")
@click.option("--new-secret", is_flag=True, help="Replace the secret.")
@click.option("--field", "fields", multiple=True, default=("api_key",), show_default=True)
@click.option("--from-env", "variables", multiple=True)
@json_option
def update(
    credential_id: str,
    new_secret: bool,
    fields: tuple[str, ...],
    variables: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Change a credential."""
    from tallygate.control.specs import CredentialPatch
    from tallygate.control.store import credentials

    secrets = _secrets(credential_id, fields, variables) if new_secret else None
    changes = spec(CredentialPatch, {**given, "secrets": secrets})
    with opened_store() as store:
        with store.write(actor()) as change:
            kept = credentials.patch(change, credential_id, changes)
        print_records([kept], COLUMNS, as_json=as_json, nothing="")


@providers.command()
@click.argument("credential_id")
def remove(credential_id: str) -> None:
    """Delete a credential."""
    from tallygate.control.store import credentials

    with opened_store() as store:
        with store.write(actor()) as change:
            credentials.remove(change, credential_id)
        click.echo(f"removed: {credential_id}", err=True)


@providers.command()
@click.argument("credential_id")
def test(credential_id: str) -> None:
    """Ask the provider for its models with a credential: free of charge. Ends with 1 if it is refused."""
    from tallygate.control.store import credentials
    from tallygate.infra.check import credential, findings

    with opened_store() as store, store.read() as session:
        deployment = credentials.opened(session, store.vault, credential_id)
    found = asyncio.run(credential.probe(deployment))
    click.echo(findings.table([found]))
    sys.exit(1 if found.level is findings.Level.FAILED else 0)


def _secrets(of: str, fields: tuple[str, ...], variables: tuple[str, ...]) -> dict[str, str]:
    if variables and len(variables) != len(fields):
        raise click.UsageError("give --from-env once for each --field")
    sources: tuple[str | None, ...] = variables or (None,) * len(fields)
    return {field: secret_of(f"{of} {field}", source) for field, source in zip(fields, sources, strict=True)}


def _map(pairs: tuple[str, ...]) -> dict[str, str]:
    if bad := [pair for pair in pairs if "=" not in pair]:
        raise click.UsageError(f"--map {bad[0]}: write MODEL=NAME")
    return dict(pair.split("=", 1) for pair in pairs)


COLUMNS: Columns = (
    ("ID", lambda one: one.id),
    ("PROVIDER", lambda one: one.provider),
    ("NAME", lambda one: one.name),
    ("PROJECT", lambda one: one.project or "(all)"),
    ("ENDS IN", lambda one: f"…{one.last4}" if one.last4 else ""),
    ("WEIGHT", lambda one: one.weight if one.enabled else "off"),
    ("BASE URL", lambda one: one.base_url),
    ("REGION", lambda one: one.region),
)
