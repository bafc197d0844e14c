"""`tallygate sink`: from Kafka to ClickHouse."""

import click

from tallygate.infra.cli.context import mistakes_told, settings_of


@click.command()
def sink() -> None:
    """Write priced calls from Kafka to ClickHouse (distributed)."""
    with mistakes_told():
        settings = settings_of("sink")
        from tallygate.runtime.kafka import TopicMismatchError
        from tallygate.stream_processors.sink.migrate import MigrationError
        from tallygate.stream_processors.sink.process import run

        with mistakes_told(TopicMismatchError, MigrationError):
            run(settings)
