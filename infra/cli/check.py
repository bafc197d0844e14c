"""`tallygate check`: what is wrong, before anybody waits for it."""

import asyncio
import logging
import sys

import click

from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.runtime import config, logs


@click.command()
@click.option(
    "--mode",
    type=click.Choice(["embedded", "distributed"]),
    default="embedded",
    show_default=True,
    help="The way to run that is checked.",
)
def check(mode: str) -> None:
    """Validate the configuration and reach everything that it names.

    Ends with 0 if all is well, 1 if something failed, 2 if the configuration can't be read.
    """
    with mistakes_told():
        settings = settings_of("check", quiet=True)
        logging.disable()  # the table says it all; libraries would tell the same again
        from tallygate.infra.check import findings, run

        found = asyncio.run(
            run.run_checks(
                settings,
                "distributed" if mode == "distributed" else "embedded",
                config.child_environment({}),
                config.unknown_variables(),
            )
        )
    click.echo(logs.redact(findings.table(found)))
    sys.exit(1 if findings.worst(found) is findings.Level.FAILED else 0)
