"""The delivery log as people see it: reading it, asking for a delivery again, testing a channel.

The notifier's own side is `control.deliveries`.
"""

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from tallygate.control.errors import ConflictError
from tallygate.control.instants import instant, micros
from tallygate.control.records import Delivery, DeliveryAttempt, DeliveryDetail
from tallygate.control.secrets import new_id
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, page
from tallygate.control.store.tables import ChannelRow, DeliveryAttemptRow, DeliveryRow
from tallygate.schemas.deliveries import DeliveryState, Outgoing, delivery_id, of_test

SHOWN_ATTEMPTS = 50


def listed(
    session: Session,
    *,
    project: str | None = None,
    channel: str | None = None,
    state: DeliveryState | None = None,
    before: str | None = None,
    limit: int,
) -> list[Delivery]:
    """Deliveries, newest first."""
    query = select(DeliveryRow)
    if project is not None:
        query = query.where(DeliveryRow.project == project)
    if channel is not None:
        query = query.where(DeliveryRow.channel_id == channel)
    if state is not None:
        query = query.where(DeliveryRow.state == state)
    return [
        to_delivery(row) for row in session.scalars(page(query, DeliveryRow.id, before=before, limit=limit))
    ]


def show(session: Session, wanted: str) -> DeliveryDetail:
    """One delivery.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(session, DeliveryRow, wanted, "delivery")
    tries = session.scalars(
        select(DeliveryAttemptRow)
        .where(DeliveryAttemptRow.delivery_id == row.id)
        .order_by(DeliveryAttemptRow.id.desc())
        .limit(SHOWN_ATTEMPTS)
    )
    return DeliveryDetail(
        delivery=to_delivery(row),
        attempts=tuple(DeliveryAttempt.model_validate(one, from_attributes=True) for one in tries),
        payload=orjson.loads(row.payload),
    )


def resend(change: Change, wanted: str) -> Delivery:
    """Have a delivery made again, now and with the whole schedule; it keeps its id.

    Raises:
        NotFoundError: there is none of that id.
        ConflictError: it is being tried anyway.
    """
    row = get(change.session, DeliveryRow, wanted, "delivery")
    if row.owner is not None:
        raise ConflictError("it is being sent at this moment")
    row.state, row.tries, row.ended_at = "waiting", 0, None
    row.begun_at = row.due_at = change.now
    change.audit("delivery.resend", row.id, row.project, {"channel_id": row.channel_id})
    change.session.flush()
    return to_delivery(row)


def test_channel(change: Change, channel_id: str) -> Delivery:
    """Have a channel tested.

    Raises:
        NotFoundError: there is none of that id.
        ConflictError: it is turned off.
    """
    channel = get(change.session, ChannelRow, channel_id, "channel")
    if not channel.enabled:
        raise ConflictError("the channel is turned off; turn it on to test it")
    now_us = micros(change.now)
    row = to_row(of_test(new_id("test"), channel.project, channel_id, now_us), channel_id, now_us)
    made = DeliveryRow(**row)
    change.session.add(made)
    change.session.flush()
    change.audit("channel.test", channel_id, channel.project, {"delivery_id": made.id})
    return to_delivery(made)


def to_delivery(row: DeliveryRow) -> Delivery:
    """The record of a row."""
    return Delivery.model_validate(row, from_attributes=True)


def to_row(outgoing: Outgoing, channel_id: str, now_us: int) -> dict[str, object]:
    """The columns of a new delivery, which is due at once."""
    now = instant(now_us)
    return {
        "id": delivery_id(outgoing.event_id, channel_id, outgoing.at_us),
        "project": outgoing.project,
        "channel_id": channel_id,
        "kind": outgoing.kind,
        "type": outgoing.type,
        "event_id": outgoing.event_id,
        "payload": outgoing.payload,
        "state": "waiting",
        "tries": 0,
        "begun_at": now,
        "due_at": now,
        "created_at": now,
        "error": "",
    }
