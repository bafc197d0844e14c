"""What every command does first: settings, logs, and mistakes told in words."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import orjson

from tallygate.infra.ports import PortError
from tallygate.infra.supervisor import UNUSABLE
from tallygate.runtime import config, logs
from tallygate.runtime.config import ConfigError, Settings

log = logging.getLogger("tallygate")


@contextmanager
def mistakes_told(*more: type[Exception]) -> Iterator[None]:
    """End with exit code 2 and the reason, if the configuration can't be used.

    Args:
        more: errors that mean so too, known only where a command has made its imports.
    """
    told: tuple[type[Exception], ...] = (ConfigError, PortError, *more)
    try:
        yield
    except told as error:
        # Of an OSError with a number, `str` would begin with that number.
        text = error.strerror if isinstance(error, PortError) else str(error)
        click.echo(f"tallygate: the configuration can't be used:\n{_indented(text or '')}", err=True)
        sys.exit(UNUSABLE)


def settings_of(process: str, *, quiet: bool = False) -> Settings:
    """Read the settings, set up the logs, and log a redacted copy of the settings unless `quiet`.

    Raises:
        ConfigError: the settings can't be used.
    """
    settings = config.load()
    logs.configure(process, settings.log_level, settings.log_format)
    if not quiet:
        log.info("configuration %s", orjson.dumps(settings.model_dump(mode="json")).decode())
        for line in config.unknown_variables():
            log.warning("ignored: %s", line)
    return settings


def _indented(text: str) -> str:
    return "\n".join(f"  {logs.redact(line)}" for line in text.splitlines())
