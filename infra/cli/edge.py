"""`tallygate edge`: a gateway machine of the distributed run."""

import asyncio
import sys

import click

from tallygate.infra import stack
from tallygate.infra.cli.context import mistakes_told, settings_of


@click.command()
def edge() -> None:
    """Run the gateway and its shipper to Kafka (distributed)."""
    with mistakes_told():
        settings = settings_of("edge")
        children, endpoints = stack.edge(settings)
        address = f"http://{settings.edge_host}:{settings.edge_port}"
        with stack.owned(settings.data_dir):
            code = asyncio.run(
                stack.supervise(
                    children, endpoints, lambda took: click.echo(f"gateway ready at {address} ({took:.1f} s)")
                )
            )
    sys.exit(code)
