"""`tallygate up`: everything on one machine."""

import asyncio
import sys

import click

from tallygate.infra import stack
from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.runtime.config import Settings


@click.command()
def up() -> None:
    """Run everything on this machine: gateway, pricing, store, API and pages."""
    with mistakes_told():
        settings = settings_of("up")
        children, endpoints = stack.embedded(settings)
        with stack.owned(settings.data_dir):
            code = asyncio.run(stack.supervise(children, endpoints, lambda took: _banner(settings, took)))
    sys.exit(code)


def _banner(settings: Settings, took_s: float) -> None:
    click.echo(
        f"\n  Tallygate is ready ({took_s:.1f} s)\n\n"
        f"    gateway         http://{settings.edge_host}:{settings.edge_port}/v1   (your SDK's base URL)\n"
        f"    API and pages   http://{settings.api_host}:{settings.api_port}\n"
        f"    data            {settings.data_dir.resolve()}\n\n"
        f"  Ctrl-C stops it; nothing is lost.\n"
    )
    sys.stdout.flush()
