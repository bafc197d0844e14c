"""`tallygate api`: query API and pages over a ClickHouse server."""

import click

from tallygate.infra.cli.context import mistakes_told, settings_of


@click.command()
def api() -> None:
    """Serve the query API and the pages (distributed)."""
    with mistakes_told():
        settings = settings_of("api")
        from tallygate.infra.api import run

        run(settings)
