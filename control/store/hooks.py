"""Call webhooks: which calls' records go to which channel."""

from sqlalchemy.orm import Session

from tallygate.control.accounting.channel_specs import HookPatch, NewHook
from tallygate.control.errors import InvalidError
from tallygate.control.instants import micros
from tallygate.control.secrets import new_id
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, live_project, of_project
from tallygate.control.store.tables import CallHookRow, ChannelRow
from tallygate.schemas.rules import CallHook

_APART = {"record", "schema_version", "hook_id", "project", "channel_id", "enabled", "created_at_us"}


def create(change: Change, new: NewHook) -> CallHook:
    """Make a call webhook.

    Raises:
        NotFoundError: the project isn't there.
        InvalidError: the channel isn't there, or takes no calls.
    """
    live_project(change.session, new.project)
    hook = CallHook(
        hook_id=new_id("hook"),
        created_at_us=micros(change.now),
        **{name: getattr(new, name) for name in NewHook.model_fields},
    )
    _check_channel(change.session, hook)
    row = CallHookRow(id=hook.hook_id, project=hook.project, created_at=change.now)
    _write(row, hook)
    change.session.add(row)
    change.session.flush()
    detail = new.model_dump(mode="json", exclude_unset=True, exclude={"project"})
    change.audit("hook.create", hook.hook_id, hook.project, detail)
    return hook


def patch(change: Change, hook_id: str, changes: HookPatch) -> CallHook:
    """Change a call webhook.

    Raises:
        NotFoundError, InvalidError: nothing was changed.
    """
    row = get(change.session, CallHookRow, hook_id, "call webhook")
    given = {name: getattr(changes, name) for name in changes.model_fields_set}
    hook = to_hook(row).model_copy(update=given)
    _check_channel(change.session, hook)
    _write(row, hook)
    detail = changes.model_dump(mode="json", exclude_unset=True)
    change.audit("hook.update", hook_id, row.project, detail)
    return hook


def remove(change: Change, hook_id: str) -> None:
    """Delete a call webhook.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, CallHookRow, hook_id, "call webhook")
    change.session.delete(row)
    change.audit("hook.remove", hook_id, row.project, {"name": to_hook(row).name})


def show(session: Session, hook_id: str) -> CallHook:
    """One call webhook.

    Raises:
        NotFoundError: there is none of that id.
    """
    return to_hook(get(session, CallHookRow, hook_id, "call webhook"))


def listed(
    session: Session, *, project: str | None = None, before: str | None = None, limit: int
) -> list[CallHook]:
    """Call webhooks, newest first."""
    rows = of_project(session, CallHookRow, project, before=before, limit=limit)
    return [to_hook(row) for row in rows]


def to_hook(row: CallHookRow) -> CallHook:
    """The record of a row."""
    apart = {
        "hook_id": row.id,
        "project": row.project,
        "channel_id": row.channel_id,
        "enabled": row.enabled,
        "created_at_us": micros(row.created_at),
    }
    return CallHook.model_validate(row.definition | apart)


def _write(row: CallHookRow, hook: CallHook) -> None:
    row.channel_id, row.enabled = hook.channel_id, hook.enabled
    row.definition = hook.model_dump(mode="json", exclude=_APART)


def _check_channel(session: Session, hook: CallHook) -> None:
    channel = session.get(ChannelRow, hook.channel_id)
    if channel is None or (channel.project, channel.events) != (hook.project, "calls"):
        raise InvalidError(
            "this project has no webhook for calls with that id: make a channel with events calls first",
            "channel_id",
        )
