"""Deliveries: what is to be sent to whom, between those who find it, keep it and send it. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from tallygate.schemas.records import Alert, Call
from tallygate.schemas.webhooks import AlertWebhook, CallWebhook, Payload, Ping, PingWebhook

EventKind = Literal["alert", "call", "test"]
DeliveryState = Literal["waiting", "delivered", "dead"]
MAX_BODY_CHARS = 128 * 1024
"""Of a prompt and of an answer, this much is sent along."""
PREFIX = "dlv_"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = ("prompt", "response")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something that happened and is to be told. Found twice, it is told once."""

    event_id: str
    project: str
    kind: EventKind
    type: str
    """As in the payload."""
    payload: str
    """A `schemas.webhooks.Payload` as JSON: the same bytes at every try."""
    at_us: int
    """When it happened."""
    channels: tuple[str, ...] = ()
    """Ids of whom to tell; empty: every enabled channel of the project that takes such events."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach a channel, opened. Never logged."""

    kind: Literal["webhook", "slack", "email"]
    enabled: bool
    url: str = ""
    signing_secrets: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Reach({self.kind})"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is due, and this process's to try."""

    delivery_id: str
    project: str
    channel_id: str
    kind: EventKind
    payload: str
    tries: int
    """Before this one, since it was made or asked for again."""
    begun_us: int
    """When the first of them was due."""
    reach: Reach | None
    """None: the channel is gone, or can't be opened."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try."""

    delivery_id: str
    state: DeliveryState
    at_us: int
    duration_us: int
    status: int | None = None
    error: str = ""
    next_us: int | None = None
    """Of one that waits on: when it is tried again."""


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding."""

    new: int
    """Deliveries that were not known."""
    dropped: int = 0
    """Records of calls for which there was no room."""


def delivery_id(event_id: str, channel_id: str, at_us: int) -> str:
    """Id of the delivery of an event to a channel: ids sort by time, and the same event has the same one."""
    digest = hashlib.sha256(f"{event_id}\n{channel_id}".encode()).hexdigest()
    return f"{PREFIX}{at_us // 1000 & 0xFFFF_FFFF_FFFF:012x}{digest[:20]}"


def of_alert(alert: Alert) -> Outgoing | None:
    """What to tell of an alert; None of one that nobody shall be told of."""
    if not alert.notify:
        return None
    payload = AlertWebhook(type=f"alert.{alert.state}", timestamp=iso(alert.raised_at_us), data=alert)
    return _outgoing(alert.alert_id, alert.project, "alert", payload, alert.raised_at_us, alert.channels)


def of_call(call: Call, channels: Sequence[str] = (), *, bodies: bool = False) -> Outgoing:
    """What to tell of a call."""
    texts = {name: getattr(call, name)[:MAX_BODY_CHARS] if bodies else "" for name in _TEXTS}
    cut = {f"{name}_truncated": True for name in _TEXTS if texts[name] != getattr(call, name)}
    payload = CallWebhook(timestamp=iso(call.ended_at_us), data=call.model_copy(update=texts | cut))
    event_id = f"{call.origin.edge_id}/{call.origin.seq}"
    return _outgoing(event_id, call.project, "call", payload, call.ended_at_us, tuple(channels))


def of_test(event_id: str, project: str, channel_id: str, at_us: int) -> Outgoing:
    """What to tell when a channel is tested."""
    ping = Ping(project=project, channel_id=channel_id, message="This channel works.")
    payload = PingWebhook(timestamp=iso(at_us), data=ping)
    return _outgoing(event_id, project, "test", payload, at_us, (channel_id,))


def iso(at_us: int) -> str:
    """A time in ISO 8601, in UTC."""
    return (EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def _outgoing(
    event_id: str, project: str, kind: EventKind, payload: Payload, at_us: int, channels: tuple[str, ...]
) -> Outgoing:
    return Outgoing(event_id, project, kind, payload.type, payload.model_dump_json(), at_us, channels)
