"""Channels: how to reach them is sealed on the way in, and given out only to the notifier, still sealed."""

from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from tallygate.control.accounting.channel_specs import ChannelPatch, NewChannel
from tallygate.control.accounting.channels import check_new, check_patch, new_signing_secret, shown
from tallygate.control.errors import ConflictError, InvalidError
from tallygate.control.instants import micros
from tallygate.control.sealed import open_secrets, seal_secrets
from tallygate.control.secrets import new_id
from tallygate.control.snapshot import channel_context
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, live_project, of_project
from tallygate.control.store.rules import to_rule
from tallygate.control.store.tables import CallHookRow, ChannelRow, RuleRow
from tallygate.schemas.rules import Channel

Secrets = dict[str, SecretStr]


class IssuedChannel(NamedTuple):
    """A channel and, of a webhook, its signing secret, which can't be asked for again."""

    channel: Channel
    signing_secret: str | None


def create(change: Change, new: NewChannel) -> IssuedChannel:
    """Make a channel.

    Raises:
        NotFoundError: the project isn't there.
        InvalidError: it hasn't what its kind needs.
    """
    live_project(change.session, new.project)
    check_new(new)
    secrets: Secrets = {} if new.url is None else {"url": new.url}
    if new.kind == "webhook":
        secrets["signing_secret"] = new.signing_secret or new_signing_secret()
    row = ChannelRow(
        id=new_id("chan"),
        **new.model_dump(include={"project", "name", "kind", "events", "enabled"}),
        target="" if new.url is None else shown(new.url.get_secret_value()),
        addresses=list(new.addresses or ()),
        disabled_reason="",
        created_at=change.now,
    )
    _seal(change, row, secrets)
    change.session.add(row)
    change.session.flush()
    detail = new.model_dump(mode="json", exclude_unset=True, exclude={"project", "url", "signing_secret"})
    change.audit("channel.create", row.id, row.project, {**detail, "target": row.target})
    return _issued(row, secrets)


def patch(change: Change, channel_id: str, changes: ChannelPatch) -> Channel:
    """Change a channel.

    Raises:
        NotFoundError, InvalidError: nothing was changed.
    """
    row = get(change.session, ChannelRow, channel_id, "channel")
    check_patch(row.kind, changes)
    given = changes.model_dump(mode="json", exclude_unset=True, exclude={"url"})
    for name, value in given.items():
        setattr(row, name, value)
    if "url" in changes.model_fields_set:
        _seal(change, row, {**_secrets(change, row), "url": changes.url})
        row.target = given["target"] = shown(changes.url.get_secret_value())
    if changes.model_fields_set & {"enabled", "url"}:
        row.disabled_reason = ""
    change.audit("channel.update", channel_id, row.project, given)
    return to_channel(row)


def rotate(change: Change, channel_id: str) -> IssuedChannel:
    """Give a webhook a new signing secret, which is used at once.

    Raises:
        NotFoundError: there is none of that id.
        InvalidError: it is no webhook.
    """
    row = get(change.session, ChannelRow, channel_id, "channel")
    if row.kind != "webhook":
        raise InvalidError(f"a channel of kind {row.kind} signs nothing", "kind")
    secrets = {**_secrets(change, row), "signing_secret": new_signing_secret()}
    _seal(change, row, secrets)
    change.audit("channel.rotate", channel_id, row.project, {})
    return _issued(row, secrets)


def disable(change: Change, channel_id: str, reason: str) -> Channel:
    """Turn a channel off because its receiver is gone.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, ChannelRow, channel_id, "channel")
    row.enabled, row.disabled_reason = False, reason[:200]
    change.audit("channel.disable", channel_id, row.project, {"reason": row.disabled_reason})
    return to_channel(row)


def remove(change: Change, channel_id: str) -> None:
    """Delete a channel.

    Raises:
        NotFoundError: there is none of that id.
        ConflictError: rules or call webhooks name it.
    """
    row = get(change.session, ChannelRow, channel_id, "channel")
    users = _users(change.session, row)
    if users:
        raise ConflictError(f"channel {row.name!r} is used by {', '.join(users)}: change these first")
    change.session.delete(row)
    change.audit("channel.remove", channel_id, row.project, {"kind": row.kind, "name": row.name})


def show(session: Session, channel_id: str) -> Channel:
    """One channel.

    Raises:
        NotFoundError: there is none of that id.
    """
    return to_channel(get(session, ChannelRow, channel_id, "channel"))


def listed(
    session: Session, *, project: str | None = None, before: str | None = None, limit: int
) -> list[Channel]:
    """Channels, newest first."""
    rows = of_project(session, ChannelRow, project, before=before, limit=limit)
    return [to_channel(row) for row in rows]


def to_channel(row: ChannelRow) -> Channel:
    """The record of a row."""
    return Channel.model_validate(
        {
            "channel_id": row.id,
            "project": row.project,
            "name": row.name,
            "kind": row.kind,
            "events": row.events,
            "target": row.target,
            "addresses": row.addresses,
            "enabled": row.enabled,
            "disabled_reason": row.disabled_reason,
            "created_at_us": micros(row.created_at),
        }
    )


def _users(session: Session, row: ChannelRow) -> list[str]:
    """What would go on without the channel as if it had never named one, or not at all."""
    of_project = session.scalars(select(RuleRow).where(RuleRow.project == row.project))
    rules = [rule.rule_id for rule in map(to_rule, of_project) if row.id in rule.channels]
    return rules + list(session.scalars(select(CallHookRow.id).where(CallHookRow.channel_id == row.id)))


def _secrets(change: Change, row: ChannelRow) -> Secrets:
    return open_secrets(row.sealed, change.vault, context=channel_context(row.id))


def _seal(change: Change, row: ChannelRow, secrets: Secrets) -> None:
    row.sealed = seal_secrets(secrets, change.vault, context=channel_context(row.id))


def _issued(row: ChannelRow, secrets: Secrets) -> IssuedChannel:
    signing = secrets.get("signing_secret")
    return IssuedChannel(to_channel(row), None if signing is None else signing.get_secret_value())
