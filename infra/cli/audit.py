"""`tallygate audit`: do the event log, the running totals and the store agree?"""

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.infra.tables import aligned, dollars
from tallygate.runtime.config import ConfigError, Settings

if TYPE_CHECKING:
    from tallygate.infra.audit import AuditReport

TOKEN = "TALLYGATE_ADMIN_TOKEN"  # noqa: S105 - a variable's name
ASK_TIMEOUT_S = 600


@click.command()
@click.option(
    "--mode",
    type=click.Choice(["embedded", "distributed"]),
    default="embedded",
    show_default=True,
    help="Where the log and the tables are.",
)
def audit(mode: str) -> None:
    """Compare what the event log, the running totals and the store of calls say.

    A system that runs embedded is asked to compare by itself; where people sign in, that takes an admin
    token, in TALLYGATE_ADMIN_TOKEN. Ends with 0 if they agree, 1 if they differ or could not be compared.
    """
    from tallygate.stream_processors.errors import ProcessorError

    with mistakes_told():
        settings = settings_of("audit", quiet=True)
        try:
            report = _distributed(settings) if mode == "distributed" else _embedded(settings)
        except ProcessorError as error:
            click.echo(f"tallygate: {error}", err=True)
            sys.exit(1)
    _tell(report)
    sys.exit(0 if report.agrees else 1)


def _distributed(settings: Settings) -> "AuditReport":
    from tallygate.infra.audit import audited, report_of
    from tallygate.runtime.clickhouse import ServerTarget

    return report_of(audited(settings, ServerTarget(settings.clickhouse)))


def _embedded(settings: Settings) -> "AuditReport":
    from tallygate.infra import stack
    from tallygate.infra.audit import audited, report_of
    from tallygate.runtime.clickhouse import EmbeddedTarget, connect
    from tallygate.stream_processors.sink.migrate import migrate

    if not (settings.data_dir / "state.db").exists():
        raise ConfigError(f"data_dir (TALLYGATE_DATA_DIR): {settings.data_dir} holds no accounts yet")
    try:
        with stack.owned(settings.data_dir):
            target = EmbeddedTarget(settings.data_dir / "chdb")
            migrate(target)
            held = connect(target)  # the engine stops with its last session
            try:
                return report_of(audited(settings, target, tries=1))
            finally:
                held.close()
    except stack.OwnedError:
        return asyncio.run(_asked(settings))


async def _asked(settings: Settings) -> "AuditReport":
    """The audit that the running system makes."""
    import aiohttp

    from tallygate.infra.audit import PATH, AuditReport
    from tallygate.stream_processors.errors import RetryableError

    url = f"http://{settings.api_host}:{settings.api_port}{PATH}"
    token = os.environ.get(TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=ASK_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json={}, headers=headers) as answer,
        ):
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise RetryableError(f"{url} can't be asked: {error}") from error
    if answer.status != 200:
        hint = f"; set {TOKEN}" if answer.status in (401, 403) else ""
        raise RetryableError(f"{url} answered {answer.status}{hint}")
    return AuditReport.model_validate_json(text)


def _tell(report: "AuditReport") -> None:
    if report.waiting:
        click.echo(f"  Not compared: {report.waiting}; try again.")
        return
    click.echo(
        f"  {report.requests} calls counted and stored, {dollars(report.cost_nanos)},"
        f" {report.unpriced} without a price; {report.logged} of them are in the log still."
    )
    if report.agrees:
        click.echo("  Event log, running totals and store agree.")
        return
    rows = [("compared", "of", "figure", "says", "the store says")]
    rows += [(d.where, d.of, d.figure, str(d.said), str(d.stored)) for d in report.differences]
    for line in aligned(rows):
        click.echo(f"  {line}")
    click.echo("  They differ. `tallygate replay --dry-run` tells which calls; see docs/operations.md.")
