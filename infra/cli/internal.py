"""The processes that supervisors start. Hidden: nobody has to start them by hand."""

import click

from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.runtime import garbage


@click.command("edge-worker", hidden=True)
@click.option("--index", type=click.IntRange(min=0), required=True, help="Number of this worker.")
@click.option("--partitions", type=click.IntRange(min=1), default=1, help="Partitions of the event log.")
def edge_worker(index: int, partitions: int) -> None:
    """One process of the gateway."""
    garbage.pause()
    with mistakes_told():
        settings = settings_of(f"edge-{index}", quiet=True)
        from tallygate.control.errors import MasterKeyError, SchemaError
        from tallygate.edge.worker import run
        from tallygate.infra.meter import PricedCalls
        from tallygate.infra.models import offers

        with mistakes_told(MasterKeyError, SchemaError):
            run(settings, index, meter=PricedCalls(), offers=offers, partitions=partitions)


@click.command(hidden=True)
def core() -> None:
    """Pricing, store, API and pages of the embedded run."""
    garbage.pause()
    with mistakes_told():
        settings = settings_of("core", quiet=True)
        from tallygate.infra.core import run
        from tallygate.stream_processors.sink.migrate import MigrationError

        with mistakes_told(MigrationError):
            run(settings)


@click.command(hidden=True)
def shipper() -> None:
    """Carries the outboxes of this machine to Kafka."""
    with mistakes_told():
        settings = settings_of("shipper", quiet=True)
        from tallygate.edge.shipper import run
        from tallygate.runtime.kafka import TopicMismatchError

        with mistakes_told(TopicMismatchError):
            run(settings)
