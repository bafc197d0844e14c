"""`tallygate replay`: the event log again, to rebuild what was derived from it or to price it otherwise."""

import sys
import time
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
    from tallygate.stream_processors.replay.totals import Accounts, Compared


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
    "--totals",
    is_flag=True,
    help="Rebuild the running totals also if they agree with the tables, or have counted more than those.",
)
@click.option(
    "--mode",
    type=click.Choice(["embedded", "distributed"]),
    default="embedded",
    show_default=True,
    help="Where the log and the tables are.",
)
def replay(
    from_us: int, to_us: int, prices: str | None, name: str | None, mode: str, *, dry_run: bool, totals: bool
) -> None:
    """Go through the event log again.

    Without --prices, the tables of calls and requests are rebuilt from it: what is missing or damaged is put
    right, and costs follow the price list of this release. With --prices, every call is priced by those
    prices, beside what was recorded, into the table that the view `restated` shows.

    In the embedded run the running totals follow, if they differ from the tables then: they become what these
    say, and rules count anew from them. With --from or --to they stay as they are, as the tables may lack
    calls then that the log still has. In the distributed run totals are not rebuilt.

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
        whole = (from_us, to_us) == (0, 2**63 - 1)
        if totals and (prices is not None or mode == "distributed" or not whole):
            raise ConfigError(
                "--totals is for a rebuild of the whole log in the embedded run: "
                "not with --prices, --from, --to or --mode distributed"
            )
        wanted = None if prices is None else other.read(prices)
        where: places.Mode = "distributed" if mode == "distributed" else "embedded"
        try:
            with places.opened(settings, where, Span(from_us, to_us), alone=wanted is None) as place:
                if wanted is None:
                    equal = _rebuild(place, apply=not dry_run)
                    if whole and place.accounts is not None:
                        _totals(place.accounts, tables_equal=equal, apply=not dry_run, forced=totals)
                else:
                    _restate(place, wanted, name or wanted.name)
        except ProcessorError as error:
            click.echo(f"tallygate: {error}", err=True)
            sys.exit(1)


def _rebuild(place: "Place", *, apply: bool) -> bool:
    """Whether the tables held what the log says."""
    from tallygate.stream_processors.pricing import Pricer
    from tallygate.stream_processors.replay.rebuild import rebuild

    pricer = Pricer(overrides=lambda: place.rules.price_overrides)
    with _progress("reading the log") as progress:
        rebuilt = rebuild(place.target, place.log, pricer, progress, apply=apply)
    _tell_rebuilt(rebuilt, dry_run=not apply)
    return rebuilt.equal


def _totals(accounts: "Accounts", *, tables_equal: bool, apply: bool, forced: bool) -> None:
    """Put the running totals right, or say what that would change."""
    from tallygate.stream_processors.replay.totals import compare, rebuild_totals

    if not (apply or tables_equal):
        click.echo("  The running totals are compared once the tables hold what the log says.")
        return
    compared = compare(accounts)
    _tell_compared(compared)
    wanted = forced or compared.lost or bool(compared.differences)
    if not wanted and not compared.poorer:
        return
    if compared.poorer and not forced:
        click.echo(
            f"  The store can't stand for the running totals: {compared.poorer}. They stay as they are; "
            "if the store is right all the same, add --totals."
        )
        return
    if not apply:
        click.echo("  The running totals would become what the tables say. Nothing was changed.")
        return
    with _progress("adding up calls") as progress:
        calls = rebuild_totals(accounts, progress, time.time_ns() // 1000)
    click.echo(f"  The running totals now hold the {calls} calls of the tables; rules count anew from them.")


def _tell_compared(compared: "Compared") -> None:
    if compared.lost:
        click.echo("  There are no running totals.")
    elif compared.differences:
        rows = [("project", "figure", "totals say", "tables say")]
        rows += [(d.of, d.figure, str(d.said), str(d.stored)) for d in compared.differences]
        _tell(rows)
    elif not compared.poorer:
        click.echo("  The running totals agree with the tables.")


def _restate(place: "Place", wanted: "OtherPrices", name: str) -> None:
    from tallygate.stream_processors.replay.restate import projects, restate

    pricer = wanted.pricer(projects(place.target), place.rules.price_overrides)
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
