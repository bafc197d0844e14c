"""`tallygate worker`: prices and totals in the distributed run."""

import click

from tallygate.infra.cli.context import mistakes_told, settings_of


@click.command()
def worker() -> None:
    """Run a Faust worker: prices calls and keeps totals (distributed)."""
    with mistakes_told():
        settings = settings_of("worker")
        from tallygate.runtime.kafka import TopicMismatchError
        from tallygate.stream_processors.faust_worker.process import run

        with mistakes_told(TopicMismatchError):
            run(settings)
