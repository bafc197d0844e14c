"""`tallygate demo`: everything working, without a key."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tallygate.infra import stack
from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.infra.process import StopSignals
from tallygate.runtime.config import ConfigError, Settings
from tallygate.runtime.tasks import spawn

if TYPE_CHECKING:
    from tallygate.infra.demo.traffic import Traffic

REPORT_S = 5.0


@click.command()
@click.option(
    "--rate", type=click.FloatRange(min=0.01, max=500), default=4.0, show_default=True, help="Calls a second."
)
@click.option("--duration", type=click.FloatRange(min=0.1), help="Seconds; without it, until Ctrl-C.")
@click.option("--gateway", help="A running gateway to call, instead of starting one.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="[default: demo/ in the data directory]")
@click.option("--seed", type=int, default=1, show_default=True, help="Another one makes other calls.")
def demo(rate: float, duration: float | None, gateway: str | None, data_dir: Path | None, seed: int) -> None:
    """Show everything at work with simulated providers and lively traffic; needs no key."""
    with mistakes_told():
        settings = settings_of("demo", quiet=True)
        from tallygate.infra.demo.traffic import Traffic

        if gateway is not None:
            if not gateway.startswith(("http://", "https://")):
                raise ConfigError(f"--gateway: {gateway} is no http URL")
            asyncio.run(_call_only(Traffic(gateway, rate, seed), duration))
            return
        place = settings.model_copy(update={"data_dir": data_dir or settings.data_dir / "demo"})
        address = f"http://{settings.edge_host}:{settings.edge_port}"
        with stack.owned(place.data_dir):
            sys.exit(asyncio.run(_everything(place, Traffic(address, rate, seed), duration)))


async def _call_only(traffic: "Traffic", duration_s: float | None) -> None:
    signals = StopSignals.listening()
    await _run(traffic, duration_s, signals)


async def _everything(settings: Settings, traffic: "Traffic", duration_s: float | None) -> int:
    from tallygate.edge.routing.registry import REGISTRY
    from tallygate.infra.demo import setup

    signals = StopSignals.listening()
    children, endpoints = setup.processes(settings, REGISTRY)

    def ready(took_s: float) -> None:
        click.echo(
            f"\n  The demo is running (ready in {took_s:.1f} s): simulated providers, simulated calls.\n\n"
            f"    see it    http://{settings.api_host}:{settings.api_port}\n"
            f"    call it   http://{settings.edge_host}:{settings.edge_port}/v1   (any key will do)\n\n"
            f"  Ctrl-C stops it.\n"
        )
        spawn(_run(traffic, duration_s, signals), name="traffic")

    return await stack.supervise(children, endpoints, ready, signals)


async def _run(traffic: "Traffic", duration_s: float | None, signals: StopSignals) -> None:
    """Make calls until the time is over or a signal came, telling how it goes."""
    calls = spawn(traffic.run(duration_s), name="calls")
    stopped = spawn(signals.stop.wait(), name="stop signal")
    while not (calls.done() or stopped.done()):
        await asyncio.wait((calls, stopped), timeout=REPORT_S, return_when=asyncio.FIRST_COMPLETED)
        click.echo(f"  {traffic.tally.line()}")
    for task in (calls, stopped):
        task.cancel()
    await asyncio.gather(calls, stopped, return_exceptions=True)
    signals.stop.set()
