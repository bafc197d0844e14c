"""`tallygate demo`: everything working, without a key."""

import asyncio
import sys
import time
from datetime import UTC, datetime
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
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Another one makes other calls.",
)
@click.option(
    "--calls",
    type=click.IntRange(1, 1_000_000_000),
    help="Fill the store with so many calls of the last 30 days, and end.",
)
def demo(
    rate: float,
    duration: float | None,
    gateway: str | None,
    data_dir: Path | None,
    seed: int,
    calls: int | None,
) -> None:
    """Show everything at work with simulated providers and lively traffic; needs no key."""
    with mistakes_told():
        settings = settings_of("demo", quiet=True)
        from tallygate.infra.demo.traffic import Traffic

        if calls is not None:
            if gateway is not None or duration is not None:
                raise ConfigError(
                    "--calls fills a data directory: it goes with neither --gateway nor --duration"
                )
            _fill(data_dir or settings.data_dir / "demo", calls, seed)
            return
        if gateway is not None:
            if not gateway.startswith(("http://", "https://")):
                raise ConfigError(f"--gateway: {gateway} is no http URL")
            asyncio.run(_call_only(Traffic(gateway, rate, seed), duration))
            return
        place = settings.model_copy(update={"data_dir": data_dir or settings.data_dir / "demo"})
        address = f"http://{settings.edge_host}:{settings.edge_port}"
        with stack.owned(place.data_dir):
            sys.exit(asyncio.run(_everything(place, Traffic(address, rate, seed), duration)))


def _fill(data_dir: Path, calls: int, seed: int) -> None:
    """Fill a data directory with a month; what an earlier try has left is gone on with."""
    from tallygate.infra.demo.history import fill

    begun = time.monotonic()
    with stack.owned(data_dir), fill.opened(data_dir) as session:
        wanted = fill.begun(session, calls, seed) or fill.Wanted(calls, seed, datetime.now(UTC))
        held = fill.held(session, wanted)
        with click.progressbar(length=calls, label="  calls") as bar:
            bar.update(held)
            for count in fill.fill(session, wanted):
                bar.update(count - bar.pos)
    took_s = time.monotonic() - begun
    click.echo(
        f"  {calls - held} calls in {took_s:.0f} s ({(calls - held) / took_s:.0f} a second)\n\n"
        f"    see them   TALLYGATE_DATA_DIR={data_dir} tallygate up\n"
        f"    more       tallygate demo --data-dir {data_dir}   (lively traffic on top)\n\n"
        "  They are in ClickHouse only. Running totals, which budgets look at, count what passes\n"
        "  through the gateway, and so nothing of this.\n"
    )


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
