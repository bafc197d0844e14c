"""`tallygate worker`: prices and totals in the distributed run."""

import click

from tallygate.infra.cli.context import mistakes_told, settings_of


@click.command()
def worker() -> None:
    """Run a Faust worker: prices calls and keeps totals (distributed)."""
    with mistakes_told():
        settings = settings_of("worker")
        from tallygate.infra.worker import run
        from tallygate.runtime.kafka import TopicMismatchError

        with mistakes_told(TopicMismatchError):
            run(settings)
