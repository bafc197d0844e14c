"""`tallygate budgets`: evaluates budgets and alert rules."""

import click

from tallygate.infra.cli.context import mistakes_told, settings_of


@click.command()
def budgets() -> None:
    """Evaluate budgets and alert rules (distributed). Of several, one works and the others stand by."""
    with mistakes_told():
        settings = settings_of("budgets")
        from tallygate.infra.budgets import run
        from tallygate.runtime.kafka import TopicMismatchError

        with mistakes_told(TopicMismatchError):
            run(settings)
