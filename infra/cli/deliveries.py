"""`tallygate deliveries`: what was sent to channels, and sending it again."""

from typing import TYPE_CHECKING

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    actor,
    json_option,
    opened_store,
    print_records,
)

if TYPE_CHECKING:
    from tallygate.schemas.deliveries import DeliveryState


@click.group()
def deliveries() -> None:
    """What was sent to channels, and what could not be."""


@deliveries.command("list")
@click.option("--project", help="Of one project only.")
@click.option("--channel", help="To one channel only.")
@click.option("--state", type=click.Choice(["waiting", "delivered", "dead"]))
@json_option
def list_deliveries(
    project: str | None, channel: str | None, state: "DeliveryState | None", as_json: bool
) -> None:
    """List deliveries, the latest first."""
    from tallygate.control.store import deliveries as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, project=project, channel=channel, state=state, limit=LIMIT)
        print_records(found, COLUMNS, as_json=as_json, nothing="nothing was sent yet")


@deliveries.command()
@click.argument("delivery_id")
def show(delivery_id: str) -> None:
    """Print a delivery with its tries and what is sent, as JSON."""
    from tallygate.control.store import deliveries as stored

    with opened_store() as store, store.read() as session:
        click.echo(stored.show(session, delivery_id).model_dump_json(indent=2))


@deliveries.command()
@click.argument("delivery_id")
@json_option
def resend(delivery_id: str, as_json: bool) -> None:
    """Send one again, now and with the whole schedule; it keeps its id."""
    from tallygate.control.store import deliveries as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            again = stored.resend(change, delivery_id)
        print_records([again], COLUMNS, as_json=as_json, nothing="")


COLUMNS: Columns = (
    ("ID", lambda delivery: delivery.id),
    ("PROJECT", lambda delivery: delivery.project),
    ("CHANNEL", lambda delivery: delivery.channel_id),
    ("WHAT", lambda delivery: delivery.type),
    ("STATE", lambda delivery: delivery.state),
    ("TRIES", lambda delivery: delivery.tries),
    ("NEXT", lambda delivery: delivery.due_at),
    ("ANSWER", lambda delivery: delivery.status),
    ("ERROR", lambda delivery: delivery.error),
)
