"""`tallygate channels` and `tallygate hooks`: who is told of alerts, and of calls."""

from typing import TYPE_CHECKING, Any

import click

from tallygate.infra.cli.control import (
    LIMIT,
    Columns,
    actor,
    json_option,
    opened_store,
    print_records,
    project_option,
    secret_of,
    shown_once,
    spec,
)
from tallygate.infra.cli.filters import filter_of, filter_option, where_option

if TYPE_CHECKING:
    from tallygate.control.store.channels import IssuedChannel

to_option = click.option("--to", "addresses", multiple=True, help="Of email: address; repeat.")
from_env_option = click.option("--from-env", "variable", help="Variable to take the URL from.")


@click.group()
def channels() -> None:
    """Who is told: webhooks, Slack, e-mail."""


@channels.command()
@click.argument("name")
@click.option("--kind", default="webhook", show_default=True, help="webhook, slack or email.")
@project_option
@to_option
@click.option("--calls", is_flag=True, help="Of webhook: it takes records of calls instead of alerts.")
@from_env_option
@json_option
def add(
    name: str,
    kind: str,
    project: str,
    addresses: tuple[str, ...],
    calls: bool,
    variable: str | None,
    as_json: bool,
) -> None:
    """Make a channel. A webhook's or Slack's URL is asked for, or read from standard input."""
    from tallygate.control.accounting.channel_specs import NewChannel
    from tallygate.control.store import channels as stored

    new = spec(
        NewChannel,
        {
            "name": name,
            "kind": kind,
            "project": project,
            "events": "calls" if calls else None,
            "addresses": addresses or None,
            "url": None if kind == "email" else secret_of("URL", variable),
        },
    )
    with opened_store() as store:
        with store.write(actor()) as change:
            made = stored.create(change, new)
        _show_issued(made, as_json=as_json)


@channels.command("list")
@click.option("--project", help="Of one project only.")
@json_option
def list_channels(project: str | None, as_json: bool) -> None:
    """List channels, without their secrets."""
    from tallygate.control.store import channels as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, project=project, limit=LIMIT)
        nothing = "no channels; `tallygate channels add NAME` makes one"
        print_records(found, CHANNEL_COLUMNS, as_json=as_json, nothing=nothing)


@channels.command()
@click.argument("channel_id")
@click.option("--name")
@click.option("--enable/--disable", "enabled", default=None, help="Whether anything is sent there.")
@to_option
@click.option("--new-url", is_flag=True, help="Replace the URL, which is asked for.")
@from_env_option
@json_option
def update(
    channel_id: str,
    name: str | None,
    enabled: bool | None,
    addresses: tuple[str, ...],
    new_url: bool,
    variable: str | None,
    as_json: bool,
) -> None:
    """Change a channel."""
    from tallygate.control.accounting.channel_specs import ChannelPatch
    from tallygate.control.store import channels as stored

    url = secret_of("URL", variable) if new_url or variable else None
    given = {"name": name, "enabled": enabled, "addresses": addresses or None, "url": url}
    changes = spec(ChannelPatch, given)
    with opened_store() as store:
        with store.write(actor()) as change:
            channel = stored.patch(change, channel_id, changes)
        print_records([channel], CHANNEL_COLUMNS, as_json=as_json, nothing="")


@channels.command()
@click.argument("channel_id")
@json_option
def rotate(channel_id: str, as_json: bool) -> None:
    """Give a webhook a new signing secret, printed once and used at once."""
    from tallygate.control.store import channels as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            made = stored.rotate(change, channel_id)
        _show_issued(made, as_json=as_json)


@channels.command("test")
@click.argument("channel_id")
@json_option
def test_channel(channel_id: str, as_json: bool) -> None:
    """Send a test message. `tallygate deliveries list` tells what became of it."""
    from tallygate.control.store import deliveries as stored
    from tallygate.infra.cli.deliveries import COLUMNS

    with opened_store() as store:
        with store.write(actor()) as change:
            made = stored.test_channel(change, channel_id)
        print_records([made], COLUMNS, as_json=as_json, nothing="")


@channels.command("remove")
@click.argument("channel_id")
def remove_channel(channel_id: str) -> None:
    """Delete a channel that no rule and no call webhook names."""
    from tallygate.control.store import channels as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            stored.remove(change, channel_id)
        click.echo(f"removed: {channel_id}", err=True)


def _show_issued(made: "IssuedChannel", *, as_json: bool) -> None:
    from tallygate.control.api.channels import IssuedChannel

    record = IssuedChannel(channel=made.channel, signing_secret=made.signing_secret)
    about = f"{made.channel.name} ({made.channel.channel_id}) of project {made.channel.project}"
    if made.signing_secret is not None:
        shown_once(made.signing_secret, about, record=record, as_json=as_json)
    elif as_json:
        click.echo(record.model_dump_json(indent=2))
    else:
        click.echo(about, err=True)


@click.group()
def hooks() -> None:
    """Send the records of calls to webhooks, whether or not callers ask for it."""


@hooks.command("create")
@click.argument("name")
@click.argument("channel_id")
@project_option
@filter_option
@where_option
@click.option("--sample", "sample_percent", type=float, help="Percent of the calls. [default: 100]")
@click.option("--bodies", "include_bodies", is_flag=True, default=None, help="With prompts and answers.")
@json_option
def create_hook(
    name: str,
    channel_id: str,
    project: str,
    filter_json: str | None,
    where: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Send calls to a channel that was made with --calls."""
    from tallygate.control.accounting.channel_specs import NewHook
    from tallygate.control.store import hooks as stored

    asked = {"name": name, "project": project, "channel_id": channel_id, **given}
    new = spec(NewHook, {**asked, "filter": filter_of(filter_json, where)})
    with opened_store() as store:
        with store.write(actor()) as change:
            made = stored.create(change, new)
        print_records([made], HOOK_COLUMNS, as_json=as_json, nothing="")


@hooks.command("list")
@click.option("--project", help="Of one project only.")
@json_option
def list_hooks(project: str | None, as_json: bool) -> None:
    """List call webhooks."""
    from tallygate.control.store import hooks as stored

    with opened_store() as store, store.read() as session:
        found = stored.listed(session, project=project, limit=LIMIT)
        nothing = "none; `tallygate hooks create NAME CHANNEL_ID` makes one"
        print_records(found, HOOK_COLUMNS, as_json=as_json, nothing=nothing)


@hooks.command("update")
@click.argument("hook_id")
@click.option("--name")
@click.option("--enable/--disable", "enabled", default=None)
@click.option("--sample", "sample_percent", type=float)
@click.option("--bodies/--no-bodies", "include_bodies", default=None)
@json_option
def update_hook(hook_id: str, as_json: bool, **given: Any) -> None:
    """Change a call webhook."""
    from tallygate.control.accounting.channel_specs import HookPatch
    from tallygate.control.store import hooks as stored

    changes = spec(HookPatch, given)
    with opened_store() as store:
        with store.write(actor()) as change:
            hook = stored.patch(change, hook_id, changes)
        print_records([hook], HOOK_COLUMNS, as_json=as_json, nothing="")


@hooks.command("remove")
@click.argument("hook_id")
def remove_hook(hook_id: str) -> None:
    """Delete a call webhook."""
    from tallygate.control.store import hooks as stored

    with opened_store() as store:
        with store.write(actor()) as change:
            stored.remove(change, hook_id)
        click.echo(f"removed: {hook_id}", err=True)


CHANNEL_COLUMNS: Columns = (
    ("ID", lambda channel: channel.channel_id),
    ("NAME", lambda channel: channel.name),
    ("PROJECT", lambda channel: channel.project),
    ("KIND", lambda channel: channel.kind),
    ("TAKES", lambda channel: channel.events),
    ("TARGET", lambda channel: channel.target or channel.addresses),
    ("STATE", lambda channel: "on" if channel.enabled else f"off {channel.disabled_reason}".strip()),
)
HOOK_COLUMNS: Columns = (
    ("ID", lambda hook: hook.hook_id),
    ("NAME", lambda hook: hook.name),
    ("PROJECT", lambda hook: hook.project),
    ("CHANNEL", lambda hook: hook.channel_id),
    ("CALLS", lambda hook: "filtered" if hook.filter else "all"),
    ("SAMPLE", lambda hook: f"{hook.sample_percent:g} %"),
    ("BODIES", lambda hook: "yes" if hook.include_bodies else "no"),
    ("STATE", lambda hook: "on" if hook.enabled else "off"),
)
