"""Filters on the command line: whole as JSON, or as FIELD=VALUE for the usual case."""

from collections.abc import Sequence
from typing import Any

import click

filter_option = click.option("--filter", "filter_json", metavar="JSON", help="Which calls, as a filter tree.")
where_option = click.option(
    "--where",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Which calls, as model=gpt-4o or property.Env=prod; repeat.",
)


def filter_of(filter_json: str | None, where: Sequence[str]) -> Any:
    """The filter tree that was asked for; None if none was.

    Raises:
        click.UsageError: it is no JSON, or given in both ways.
    """
    if filter_json is not None and where:
        raise click.UsageError("give --filter or --where")
    if filter_json is not None:
        return _json(filter_json, "--filter")
    conditions = [_equal(text) for text in where]
    return conditions[0] if len(conditions) == 1 else {"and": conditions} if conditions else None


def _equal(text: str) -> dict[str, Any]:
    from tallygate.schemas.filter_fields import Kind, field_of

    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError("--where: FIELD=VALUE")
    field = field_of(name)
    is_text = field is None or field.kind in (Kind.TEXT, Kind.PROPERTY)
    return {"field": name, "op": "eq", "value": value if is_text else _json(value, f"--where {name}")}


def _json(text: str, what: str) -> Any:
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"{what}: no JSON: {error.msg}") from error
