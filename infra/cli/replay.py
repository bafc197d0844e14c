"""`tallygate replay`: the event log again, to rebuild what was derived from it or to price it otherwise."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.infra.tables import aligned, dollars
from tallygate.runtime.config import ConfigError
from tallygate.schemas.times import parse_time_us

if TYPE_CHECKING:
    from tallygate.infra.replay import Place
    from tallygate.stream_processors.replay.prices import OtherPrices
    from tallygate.stream_processors.replay.rebuild import Rebuilt
    from tallygate.stream_processors.replay.restate import Restated


class _Time(click.ParamType):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_time_us(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


@click.command()
@click.option("--from", "from_us", type=_Time(), default=0, help="Calls that arrived from then on; ISO 8601.")
@click.option("--to", "to_us", type=_Time(), default=2**63 - 1, help="Calls that arrived before.")
@click.option(
    "--prices",
    help="A day (2026-01-31), whose list prices count, or a file of prices: restate, rebuild nothing.",
)
@click.option("--name", help="Of the restatement. [default: the day, or the file's name]")
@click.option("--dry-run", is_flag=True, help="Only say what a rebuild would change.")
@click.option(
    "--mode",
    type=click.Choice(["embedded", "distributed"]),
    default="embedded",
    show_default=True,
    help="Where the log and the tables are.",
)
def replay(from_us: int, to_us: int, prices: str | None, name: str | None, dry_run: bool, mode: str) -> None:
    """Go through the event log again.

    Without --prices, the tables of calls and requests are rebuilt from it: what is missing or damaged is put
    right, and costs follow the price list of this release. With --prices, every call is priced by those
    prices, beside what was recorded, into the table that the view `restated` shows.

    In the embedded run `tallygate up` has to be stopped for it; in the distributed run, for a rebuild, sinks.
    """
    from tallygate.infra import replay as places
    from tallygate.stream_processors.errors import ProcessorError
    from tallygate.stream_processors.replay import prices as other
    from tallygate.stream_processors.replay.log import Span

    with mistakes_told(other.PricesError, ValueError):
        settings = settings_of("replay", quiet=True)
        if from_us >= to_us:
            raise ConfigError("--from is not before --to")
        wanted = None if prices is None else other.read(prices)
        where: places.Mode = "distributed" if mode == "distributed" else "embedded"
        try:
            with places.opened(settings, where, Span(from_us, to_us), alone=wanted is None) as place:
                if wanted is None:
                    _rebuild(place, apply=not dry_run)
                else:
                    _restate(place, wanted, name or wanted.name)
        except ProcessorError as error:
            click.echo(f"tallygate: {error}", err=True)
            sys.exit(1)


def _rebuild(place: "Place", *, apply: bool) -> None:
    from tallygate.stream_processors.pricing import Pricer
    from tallygate.stream_processors.replay.rebuild import rebuild

    pricer = Pricer(overrides=lambda: place.agreed)
    with _progress("reading the log") as progress:
        rebuilt = rebuild(place.target, place.log, pricer, progress, apply=apply)
    _tell_rebuilt(rebuilt, dry_run=not apply)


def _restate(place: "Place", wanted: "OtherPrices", name: str) -> None:
    from tallygate.stream_processors.replay.restate import projects, restate

    pricer = wanted.pricer(projects(place.target), place.agreed)
    with _progress("pricing the log") as progress:
        restated = restate(place.target, place.log, pricer, name, progress)
    _tell_restated(restated)


@contextmanager
def _progress(label: str) -> Iterator[Callable[[float], None]]:
    steps = 1000
    with click.progressbar(length=steps, label=f"  {label}", file=sys.stderr) as bar:
        yield lambda done: bar.update(round(done * steps) - bar.pos)
        bar.update(steps - bar.pos)


def _tell_rebuilt(rebuilt: "Rebuilt", *, dry_run: bool) -> None:
    click.echo(
        f"  {rebuilt.calls} calls and {rebuilt.requests} requests in the log, {rebuilt.bad} bad records"
    )
    if rebuilt.equal:
        click.echo("  The tables hold what the log says.")
        return
    rows = [("model", "calls before", "after", "cost before", "after")]
    for key, before, after in rebuilt.changed():
        costs = (dollars(before.cost_nanos), dollars(after.cost_nanos))
        rows.append((_model(*key), str(before.calls), str(after.calls), *costs))
    _tell(rows)
    click.echo("  Nothing was changed." if dry_run else "  The tables now hold what the log says.")


def _tell_restated(restated: "Restated") -> None:
    click.echo(
        f"  {restated.calls} calls of the log priced anew, as {restated.name!r}; "
        f"{restated.missing} of them are not in the table of calls, {restated.bad} bad records"
    )
    rows = [("model", "calls", "recorded", "restated", "difference", "unpriced")]
    for each in restated.differences:
        costs = (dollars(each.recorded_nanos), dollars(each.restated_nanos), dollars(each.nanos, sign=True))
        rows.append((_model(each.provider, each.model), str(each.calls), *costs, str(each.unpriced_restated)))
    _tell(rows)
    click.echo(f"  In all {dollars(sum(each.nanos for each in restated.differences), sign=True)}.")
    click.echo(f"  In SQL: the view `restated` WHERE restatement = '{restated.name}'")


def _tell(rows: Sequence[Sequence[str]]) -> None:
    for line in aligned(rows):
        click.echo(f"  {line}")


def _model(provider: str, model: str) -> str:
    return "/".join(filter(None, (provider, model))) or "(none)"
