"""`tallygate deadletters`: what could not be processed, and why."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.infra.tables import aligned
from tallygate.runtime.config import ConfigError, Settings

if TYPE_CHECKING:
    from tallygate.schemas.records import DeadLetter


@click.command()
@click.option(
    "--mode",
    type=click.Choice(["embedded", "distributed"]),
    default="embedded",
    show_default=True,
    help="Where the dead letters are.",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The latest.")
@click.option("--json", "as_json", is_flag=True, help="Whole, payload included, as JSON lines.")
def deadletters(mode: str, limit: int, *, as_json: bool) -> None:
    """List records that could not be processed, the latest first, with the reason of each."""
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


def _letters(settings: Settings, mode: str, limit: int) -> "list[DeadLetter]":
    from tallygate.infra.dead_letters import of_kafka, of_state

    if mode == "distributed":
        return asyncio.run(of_kafka(settings.kafka, limit))
    path = settings.data_dir / "state.db"
    if not path.exists():
        raise ConfigError(f"data_dir (TALLYGATE_DATA_DIR): {settings.data_dir} holds no accounts yet")
    return of_state(path, limit)


def _row(letter: "DeadLetter") -> tuple[str, str, str, str]:
    when = datetime.fromtimestamp(letter.failed_at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    origin = f"{letter.origin.edge_id}/{letter.origin.seq}" if letter.origin else ""
    return when, f"{letter.source}/{letter.partition}/{letter.offset}", origin, letter.reason
