"""`tallygate notify`: delivers alerts and call webhooks."""

import click

from tallygate.infra.cli.context import mistakes_told, settings_of


@click.command()
def notify() -> None:
    """Deliver alerts and call webhooks (distributed). Several share the work."""
    with mistakes_told():
        settings = settings_of("notify")
        from tallygate.control.errors import MasterKeyError, SchemaError
        from tallygate.infra.notify import run
        from tallygate.runtime.kafka import TopicMismatchError

        with mistakes_told(TopicMismatchError, MasterKeyError, SchemaError):
            run(settings)
