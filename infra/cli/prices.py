"""`tallygate prices`: what projects pay instead of the price list's prices."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    actor,
    json_option,
    opened_store,
    print_records,
    project_option,
    spec,
)

if TYPE_CHECKING:
    from tallygate.schemas.rules import PriceOverride

KINDS = (
    "input",
    "output",
    "cached-input",
    "cache-write",
    "cache-write-1h",
    "reasoning",
    "input-audio",
    "output-audio",
)


@click.group()
def prices() -> None:
    """Set prices of a project's own: contracts, discounts, models that no list has."""


def _price_options(command: Any) -> Any:
    for kind in reversed(KINDS):
        command = click.option(f"--{kind}", help=f"Dollars a million {kind.replace('-', ' ')} tokens.")(
            command
        )
    return command


@prices.command()
@click.argument("model")
@project_option
@click.option("--provider", help="[default: every provider]")
@click.option("--name", help="For people.")
@_price_options
@click.option("--per-request", help="Dollars a call.")
@click.option(
    "--multiplier",
    "multipliers",
    multiple=True,
    metavar="TIER=FACTOR",
    help="Of standard, batch, flex or priority; repeat.",
)
@click.option(
    "--tier",
    "tiers",
    multiple=True,
    metavar="TOKENS:KIND=USD,…",
    help="Prices of calls with more input tokens than this; repeat.",
)
@click.option(
    "--from", "valid_from", type=click.DateTime(["%Y-%m-%d"]), help="First day, UTC. [default: since ever]"
)
@click.option("--to", "valid_to", type=click.DateTime(["%Y-%m-%d"]), help="Day after the last, UTC.")
@json_option
def add(
    model: str,
    multipliers: tuple[str, ...],
    tiers: tuple[str, ...],
    valid_from: datetime | None,
    valid_to: datetime | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Set the prices of MODEL, in which * stands for any part."""
    from tallygate.control.accounting.price_specs import NewPrice
    from tallygate.control.store import prices as stored

    names = [kind.replace("-", "_") for kind in KINDS]
    own = {name: price for name in names if (price := given.pop(name)) is not None}
    new = spec(
        NewPrice,
        {
            **given,
            "model": model,
            "prices": own,
            "multipliers": _pairs("--multiplier", multipliers),
            "tiers": [_tier(text) for text in tiers],
            "valid_from": _utc(valid_from),
            "valid_to": _utc(valid_to),
        },
    )
    with opened_store() as store:
        with store.write(actor()) as change:
            made = stored.create(change, new)
        print_records([made], COLUMNS, as_json=as_json, nothing="")


@prices.command("list")
@click.option("--project", help="Of one project only.")
@json_option
def list_prices(project: str | None, as_json: bool) -> None:
    """List overrides; of several that fit a call, the first counts."""
    from tallygate.control.store import prices as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, project=project, limit=LIMIT)
        nothing = "none; calls cost what the price list says"
        print_records(found, COLUMNS, as_json=as_json, nothing=nothing)


@prices.command()
@click.argument("price_id")
def remove(price_id: str) -> None:
    """Delete an override. Calls that were priced already keep their costs."""
    from tallygate.control.store import prices as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            stored.remove(change, price_id)
        click.echo(f"removed: {price_id}", err=True)


def _tier(text: str) -> dict[str, Any]:
    above, sign, own = text.partition(":")
    if not sign:
        raise click.UsageError("--tier: TOKENS:KIND=USD,…, as 200000:input=5,output=20")
    return {"above_input_tokens": above, "prices": _pairs("--tier", own.split(","))}


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise click.UsageError(f"{option}: {text}: a name, = and a number")
        found[name.strip().replace("-", "_")] = value
    return found


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _prices(override: "PriceOverride") -> str:
    parts = [f"{kind} ${price}" for kind, price in override.prices.items()]
    parts += [f"above {tier.above_input_tokens} tokens otherwise" for tier in override.tiers]
    parts += [f"${override.per_request} a call"] if override.per_request else []
    return ", ".join(parts + [f"{tier} x {factor}" for tier, factor in override.multipliers.items()])


def _day(at_us: int | None) -> str:
    return "" if not at_us else datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d")


COLUMNS: Columns = (
    ("ID", lambda price: price.price_id),
    ("PROJECT", lambda price: price.project),
    ("PROVIDER", lambda price: price.provider),
    ("MODEL", lambda price: price.model),
    ("PRICES", _prices),
    ("FROM", lambda price: _day(price.valid_from_us)),
    ("TO", lambda price: _day(price.valid_to_us)),
    ("NAME", lambda price: price.name),
)
