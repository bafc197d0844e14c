"""What the commands on control data have in common: the store, mistakes in words, output."""

import os
import pwd
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tallygate.infra.cli.context import mistakes_told, settings_of
from tallygate.infra.tables import aligned
from tallygate.runtime import logs
from tallygate.runtime.config import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tallygate.control.specs import Spec
    from tallygate.control.store.database import ControlStore

S = TypeVar("S", bound="Spec")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
SPAN = re.compile(r"([0-9]{1,6})([smhd])")
LIMIT = 500
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
project_option = click.option("--project", default="default", show_default=True, help="The project's id.")


@contextmanager
def opened_store() -> Iterator["ControlStore"]:
    """The store that the settings name. Mistakes end the command: 2 for the configuration, else 1."""
    with mistakes_told():
        settings = settings_of("control", quiet=True)
        from tallygate.control.errors import ControlError, MasterKeyError, SchemaError
        from tallygate.control.open import open_store

        try:
            store = open_store(settings)
            try:
                yield store
            finally:
                store.close()
        except (MasterKeyError, SchemaError) as error:
            raise ConfigError(str(error)) from error
        except ControlError as error:
            raise click.ClickException(logs.redact(str(error))) from error


def actor() -> str:
    """Who the audit log names."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"


def spec(model: type[S], given: Mapping[str, Any], *, cleared: Sequence[str] = ()) -> S:
    """The request for what was given on the command line; options that weren't given are None. What is
    `cleared` is None in the request.

    Raises:
        click.UsageError: with every mistake; values aren't repeated, one may be a secret.
    """
    from pydantic import ValidationError

    from tallygate.schemas.filters import path_of

    try:
        asked = {name: value for name, value in given.items() if value is not None}
        return model.model_validate(asked | dict.fromkeys(cleared))
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False, include_context=False)
        lines = [f"{path_of(one['loc'])}: {one['msg']}" for one in mistakes]
        raise click.UsageError("\n".join(lines)) from error


class Span(click.ParamType):
    """A length of time such as `90d`."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        found = SPAN.fullmatch(value)
        if found is None:
            self.fail("a number with s, m, h or d, such as 90d", param, ctx)
        return timedelta(**{UNITS[found[2]]: int(found[1])})


def secret_of(prompt: str, variable: str | None) -> str:
    """A secret from a variable, from a pipe, or typed unseen; never from the command line, which others see.

    Raises:
        click.UsageError: there is none.
    """
    if variable is not None:
        found = os.environ.get(variable, "").strip()
    elif sys.stdin.isatty():
        found = str(click.prompt(prompt, hide_input=True, default="", show_default=False)).strip()
    else:
        found = sys.stdin.readline().strip()
    if not found:
        raise click.UsageError(f"{prompt}: {f'{variable} is not set' if variable else 'nothing was given'}")
    return found


def shown_once(secret: str, about: str, *, record: "BaseModel", as_json: bool) -> None:
    """Print a new secret: alone on standard output, so that a script can take it."""
    if as_json:
        click.echo(record.model_dump_json(indent=2))
        return
    click.echo(f"{about}\nKeep the secret now; it can't be shown again:", err=True)
    click.echo(secret)


Columns = Sequence[tuple[str, Callable[[Any], object]]]


def print_records(records: Sequence["BaseModel"], columns: Columns, *, as_json: bool, nothing: str) -> None:
    """Print records as an aligned table, or as JSON lines."""
    if as_json:
        for record in records:
            click.echo(record.model_dump_json())
        return
    if not records:
        click.echo(nothing, err=True)
        return
    rows = [[name for name, _ in columns], *([_cell(of(one)) for _, of in columns] for one in records)]
    for line in aligned(rows):
        click.echo(line)
    if len(records) == LIMIT:
        click.echo(f"(the newest {LIMIT})", err=True)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
