"""`tallygate deadletters`: what could not be processed, and why."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.infra.tables import aligned
from tallygate.runtime.config import ConfigError, Settings

if TYPE_CHECKING:
    from tallygate.schemas.records import DeadLetter


@click.group(invoke_without_command=True)
@click.pass_context
@click.option(
    "--mode",
    type=click.Choice(["embedded", "distributed"]),
    default="embedded",
    show_default=True,
    help="Where the dead letters are.",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The latest.")
@click.option("--json", "as_json", is_flag=True, help="Whole, payload included, as JSON lines.")
def deadletters(context: click.Context, mode: str, limit: int, *, as_json: bool) -> None:
    """List records that could not be processed, the latest first, with the reason of each."""
    if context.invoked_subcommand is not None:
        if mode == "distributed":
            raise click.UsageError("dead letters in Kafka can be listed only")
        return
    from tallygate.runtime.kafka import KafkaUnavailableError
    from tallygate.stream_processors.errors import ProcessorError

    with mistakes_told():
        settings = settings_of("deadletters", quiet=True)
        try:
            letters = _letters(settings, mode, limit)
        except (KafkaUnavailableError, ProcessorError) as error:
            click.echo(f"tallygate: {error}", err=True)
            sys.exit(1)
    if as_json:
        for letter in letters:
            click.echo(letter.model_dump_json())
        return
    for line in aligned([("when", "from", "origin", "reason"), *map(_row, letters)]):
        click.echo(f"  {line}")
    if not letters:
        click.echo("  There are none.")


@deadletters.command()
def replay() -> None:
    """Try dead letters again, with this release, in the embedded run.

    `tallygate up` has to be stopped for it.
    What can be processed now is stored and counted, once, and is a dead letter no more; rules of its project
    count anew. Webhooks are not told of these calls. What fails again stays, with its reason of now. In the
    distributed run, dead letters can be listed only.
    """
    from tallygate.infra.replay import opened
    from tallygate.stream_processors.errors import ProcessorError
    from tallygate.stream_processors.pricing import Pricer
    from tallygate.stream_processors.replay.dead_letters import retry_dead_letters
    from tallygate.stream_processors.replay.log import Span

    with mistakes_told():
        settings = settings_of("deadletters", quiet=True)
        _require_state(settings)
        try:
            with opened(settings, "embedded", Span(), alone=True) as place:
                if place.accounts is None:
                    raise ConfigError("there are no running totals here")
                pricer = Pricer(overrides=lambda: place.rules.price_overrides)
                retried = retry_dead_letters(place.accounts, pricer, time.time_ns() // 1000)
        except ProcessorError as error:
            click.echo(f"tallygate: {error}", err=True)
            sys.exit(1)
    click.echo(
        f"  {retried.calls} calls and {retried.requests} requests are stored and counted now; "
        f"{retried.failed} dead letters are left."
    )


def _letters(settings: Settings, mode: str, limit: int) -> "list[DeadLetter]":
    from tallygate.infra.dead_letters import of_kafka, of_state

    if mode == "distributed":
        return asyncio.run(of_kafka(settings.kafka, limit))
    return of_state(_require_state(settings), limit)


def _require_state(settings: Settings) -> Path:
    path = settings.data_dir / "state.db"
    if not path.exists():
        raise ConfigError(f"data_dir (TALLYGATE_DATA_DIR): {settings.data_dir} holds no accounts yet")
    return path


def _row(letter: "DeadLetter") -> tuple[str, str, str, str]:
    when = datetime.fromtimestamp(letter.failed_at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    origin = f"{letter.origin.edge_id}/{letter.origin.seq}" if letter.origin else ""
    return when, f"{letter.source}/{letter.partition}/{letter.offset}", origin, letter.reason
