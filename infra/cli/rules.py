"""`tallygate rules`: budgets and alert rules."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    Span,
    actor,
    json_option,
    opened_store,
    print_records,
    project_option,
    spec,
)
from tallygate.infra.cli.filters import filter_of, filter_option, where_option

if TYPE_CHECKING:
    from tallygate.schemas.rules import Rule

C = TypeVar("C", bound=Callable[..., None])
UNITS = {
    "-usd": "in dollars, of cost",
    "-ms": "in milliseconds, of latency and ttft",
    "-percent": "in percent, of rates",
    "": "in the metric's own unit",
}
_OPTIONS = (
    *(click.option(f"--limit{unit}", help=f"The limit, {meant}.") for unit, meant in UNITS.items()),
    click.option("--window", help="hour, day, week or month, or a length of time as 15m. [default: day]"),
    click.option("--time-zone", help="Whose days and months. [default: the project's]"),
    click.option("--group-by", help="user, key, model, provider or property.<name>: a limit for each."),
    filter_option,
    where_option,
    click.option(
        "--threshold",
        "thresholds_percent",
        type=int,
        multiple=True,
        help="Percent of the limit; repeat. [default: 100]",
    ),
    click.option("--below", "direction", flag_value="below", help="Tell when it is under the limit."),
    click.option("--kind", help="threshold, projected or anomaly. [default: threshold]"),
    click.option("--factor", help="Of anomaly: how many times the past weeks' value. [default: 3]"),
    click.option("--weeks", type=int, help="Of anomaly: how many past weeks. [default: 4]"),
    *(
        click.option(f"--min-value{unit}", help=f"Of anomaly: less is none, {meant}.")
        for unit, meant in UNITS.items()
    ),
    click.option("--min-requests", type=int, help="Fewer in the window say nothing."),
    click.option(
        "--hysteresis", "hysteresis_percent", type=int, help="How far back it is over. [default: 10]"
    ),
    click.option("--action", help="notify, warn or block. [default: notify]"),
    click.option("--reserve/--no-reserve", default=None, help="Of block: nothing overshoots."),
    click.option(
        "--notify-resolved/--no-notify-resolved", default=None, help="Tell when it is over. [default: yes]"
    ),
    click.option("--channel", "channels", multiple=True, help="Id of whom to tell; repeat. [default: all]"),
)


def _rule_options(command: C) -> C:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def rules() -> None:
    """Budgets and alerts: tell, warn or block when a metric passes a limit."""


@rules.command()
@click.argument("name")
@project_option
@click.option(
    "--metric",
    default="cost",
    show_default=True,
    help="cost, requests, errors, error_rate, total_tokens, latency_p95, …",
)
@_rule_options
@json_option
def create(name: str, project: str, metric: str, as_json: bool, **given: Any) -> None:
    """Make a rule: `tallygate rules create 'Daily spend' --limit-usd 50` is enough."""
    from tallygate.control.accounting.rule_specs import NewRule
    from tallygate.control.store import rules as stored

    new = spec(NewRule, {"name": name, "project": project, "metric": metric, **_fields(given)})
    with opened_store() as store:
        with store.write(actor()) as change:
            made = stored.create(change, new)
        print_records([made], COLUMNS, as_json=as_json, nothing="")


@rules.command("list")
@click.option("--project", help="Of one project only.")
@json_option
def list_rules(project: str | None, as_json: bool) -> None:
    """List rules."""
    from tallygate.control.store import rules as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, project=project, limit=LIMIT)
        nothing = "no rules; `tallygate rules create NAME --limit-usd 50` makes one"
        print_records(found, COLUMNS, as_json=as_json, nothing=nothing)


@rules.command()
@click.argument("rule_id")
def show(rule_id: str) -> None:
    """Print all of a rule, as JSON."""
    from tallygate.control.store import rules as stored

    with opened_store() as store, store.read() as session:
        click.echo(stored.show(session, rule_id).model_dump_json(indent=2))


@rules.command()
@click.argument("rule_id")
@click.option("--name")
@click.option("--metric")
@click.option("--enable/--disable", "enabled", default=None)
@click.option("--all-calls", is_flag=True, help="Remove the filter.")
@click.option("--all-channels", is_flag=True, help="Tell every channel.")
@_rule_options
@json_option
def update(rule_id: str, all_calls: bool, all_channels: bool, as_json: bool, **given: Any) -> None:
    """Change a rule: what isn't named stays."""
    fields = _fields(given)
    if all_channels:
        fields["channels"] = ()
    print_records(
        [_patched(rule_id, fields, cleared=("filter",) if all_calls else ())],
        COLUMNS,
        as_json=as_json,
        nothing="",
    )


@rules.command()
@click.argument("rule_id")
@click.option("--for", "length", type=Span(), default="1d", show_default=True, help="How long.")
def mute(rule_id: str, length: timedelta) -> None:
    """Tell nobody for a while; alerts are kept."""
    until = datetime.now(UTC) + length
    rule = _patched(rule_id, {"muted_until": until})
    click.echo(f"muted until {until:%Y-%m-%d %H:%M}Z: {rule.name}", err=True)


@rules.command()
@click.argument("rule_id")
def unmute(rule_id: str) -> None:
    """Tell again."""
    rule = _patched(rule_id, {}, cleared=("muted_until",))
    click.echo(f"not muted: {rule.name}", err=True)


@rules.command()
@click.argument("rule_id")
def remove(rule_id: str) -> None:
    """Delete a rule. Its alerts stay on record."""
    from tallygate.control.store import rules as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            stored.remove(change, rule_id)
        click.echo(f"removed: {rule_id}", err=True)


def _patched(rule_id: str, fields: Mapping[str, Any], *, cleared: tuple[str, ...] = ()) -> "Rule":
    from tallygate.control.accounting.rule_specs import RulePatch
    from tallygate.control.store import rules as stored

    changes = spec(RulePatch, fields, cleared=cleared)
    with opened_store() as store, store.write(actor()) as change:
        return stored.patch(change, rule_id, changes)


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that options stand for; those that weren't given are None."""
    fields = {name: value for name, value in given.items() if value != ()}
    filter_tree = filter_of(fields.pop("filter_json"), fields.pop("where", ()))
    return {**fields, "filter": filter_tree}


def _condition(rule: "Rule") -> str:
    from tallygate.control.accounting.words import condition

    return condition(rule)


def _state(rule: "Rule") -> str:
    if not rule.enabled:
        return "off"
    muted = rule.muted_until_us is not None and rule.muted_until_us > datetime.now(UTC).timestamp() * 1e6
    return "muted" if muted else "on"


COLUMNS: Columns = (
    ("ID", lambda rule: rule.rule_id),
    ("NAME", lambda rule: rule.name),
    ("PROJECT", lambda rule: rule.project),
    ("WHEN", _condition),
    ("ACTION", lambda rule: rule.action),
    ("STATE", _state),
)
