"""`tallygate simulator`: providers that cost nothing."""

import asyncio
from typing import TYPE_CHECKING

import click

from tallygate.infra import ports
from tallygate.infra.cli.context import mistakes_told
from tallygate.infra.process import StopSignals
from tallygate.runtime import logs

if TYPE_CHECKING:
    from tallygate.infra.simulator import Knobs


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0: any free one."
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--delay-ms", type=click.IntRange(min=0), default=0, help="Wait before every first byte.")
@click.option("--chunk-delay-ms", type=click.IntRange(min=0), default=0, help="Wait before each event.")
@click.option("--error-every", type=click.IntRange(min=0), default=0, help="Fail every so many calls.")
@click.option("--limit-every", type=click.IntRange(min=0), default=0, help="429 every so many calls.")
def simulator(
    port: int, host: str, delay_ms: int, chunk_delay_ms: int, error_every: int, limit_every: int
) -> None:
    """Serve simulated providers: OpenAI, Anthropic and Gemini, without keys or costs.

    A request steers its own answer with the header "x-simulate: status=429; delay_ms=50; …".
    """
    from tallygate.infra.simulator import Controls, Knobs

    controls = Controls(delay_ms=delay_ms, chunk_delay_ms=chunk_delay_ms)
    knobs = Knobs(controls, error_every=error_every, limit_every=limit_every)
    logs.configure("simulator", "INFO", "plain")
    with mistakes_told():
        if port:
            ports.ensure_free(host, port, "simulator", "--port")
        asyncio.run(_serve(host, port, knobs))


async def _serve(host: str, port: int, knobs: "Knobs") -> None:
    from tallygate.infra.simulator import running_simulator

    signals = StopSignals.listening()
    async with running_simulator(knobs, host=host, port=port) as running:
        click.echo(f"simulator ready at {running.url}")
        await signals.stop.wait()
