"""The delivery log as the notifier works on it (`stream_processors.notify.log.DeliveryLog`). Blocks.

What is due is found by `due_at`; taking a delivery moves that into the future, so that a process which dies
with it loses it by the passing of time alone.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tallygate.control.errors import ControlError, NotFoundError, SealError, StoreUnavailableError
from tallygate.control.instants import instant, micros
from tallygate.control.sealed import open_secrets
from tallygate.control.snapshot import channel_context
from tallygate.control.store import channels
from tallygate.control.store.database import ControlStore
from tallygate.control.store.deliveries import to_row
from tallygate.control.store.tables import ChannelRow, DeliveryAttemptRow, DeliveryRow, NotifyPositionRow
from tallygate.schemas.deliveries import Added, Claimed, Outgoing, Reach, Tried
from tallygate.stream_processors.errors import FatalError, RetryableError

ACTOR = "notifier"
CHUNK = 200
"""Rows a statement."""
URGENT, CALLS = ("alert", "test"), ("call",)
LOOKED_AT = 4
"""Times the limit: those of busy channels among them are left."""
BACKLOG_S = 5.0
"""How long a count of what waits is good for."""
EVENTS = {"alert": "alerts", "call": "calls", "test": ""}


class StoredDeliveries:
    """Deliveries in the control store."""

    def __init__(self, store: ControlStore, *, max_waiting_calls: int) -> None:
        self._store = store
        self._max_waiting_calls = max_waiting_calls
        self._backlog: Counter[str] = Counter()
        self._backlog_until_s = 0.0

    def add(self, outgoing: Sequence[Outgoing], *, source: str = "", position: int = -1) -> Added:
        """See `DeliveryLog`."""
        with _mapped(), self._store.note() as change:
            session = change.session
            addressed = _addressed(session, outgoing)
            rows, dropped = self._fitting(session, addressed, micros(change.now))
            new = sum(_insert(session, rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK))
            if source:
                session.merge(NotifyPositionRow(source=source, position=position))
        return Added(new, dropped)

    def position(self, source: str) -> int:
        """See `DeliveryLog`."""
        with _mapped(), self._store.read() as session:
            row = session.get(NotifyPositionRow, source)
            return -1 if row is None else row.position

    def claim(
        self,
        owner: str,
        *,
        now_us: int,
        until_us: int,
        limit: int,
        calls: int,
        room: Mapping[str, int],
        per_channel: int,
    ) -> list[Claimed]:
        """See `DeliveryLog`."""
        now = instant(now_us)
        with _mapped():
            with self._store.read() as session:  # a look costs no lock
                if session.execute(_due((*URGENT, *CALLS), now, ()).limit(1)).first() is None:
                    return []
            with self._store.note() as change:
                session = change.session
                left = dict(room)
                ids = _choose(session, URGENT, now, limit, left, per_channel)
                ids += _choose(session, CALLS, now, min(calls, limit - len(ids)), left, per_channel)
                taken = update(DeliveryRow).where(DeliveryRow.id.in_(ids))
                session.execute(taken.values(owner=owner, due_at=instant(until_us)))
                return [self._claimed(*row) for row in _with_channels(session, ids)]

    def record(self, owner: str, tried: Sequence[Tried]) -> None:
        """See `DeliveryLog`."""
        with _mapped(), self._store.note() as change:
            for one in tried:
                _record(change.session, owner, one)

    def release(self, owner: str) -> None:
        """See `DeliveryLog`."""
        with _mapped(), self._store.note() as change:
            mine = update(DeliveryRow).where(DeliveryRow.owner == owner, DeliveryRow.state == "waiting")
            change.session.execute(mine.values(owner=None, due_at=change.now))

    def turn_off(self, channel_ids: Collection[str], reason: str) -> None:
        """See `DeliveryLog`."""
        with _mapped(), self._store.write(ACTOR) as change:
            for channel_id in channel_ids:
                try:
                    channels.disable(change, channel_id, reason)
                except NotFoundError:  # removed meanwhile
                    continue

    def prune(self, before_us: int) -> int:
        """See `DeliveryLog`."""
        old = (
            select(DeliveryRow.id)
            .where(DeliveryRow.state != "waiting", DeliveryRow.created_at < instant(before_us))
            .limit(CHUNK)
        )
        removed = 0
        while True:
            with _mapped(), self._store.note() as change:
                ids = change.session.scalars(old).all()
                of_them = DeliveryAttemptRow.delivery_id.in_(ids)
                change.session.execute(delete(DeliveryAttemptRow).where(of_them))
                change.session.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(ids)))
            removed += len(ids)
            if len(ids) < CHUNK:
                return removed

    def counts(self) -> dict[tuple[str, str], int]:
        """See `DeliveryLog`."""
        query = (
            select(DeliveryRow.kind, DeliveryRow.state, func.count())
            .where(DeliveryRow.state != "delivered")
            .group_by(DeliveryRow.kind, DeliveryRow.state)
        )
        with _mapped(), self._store.read() as session:
            return {(kind, state): count for kind, state, count in session.execute(query)}

    def _fitting(
        self, session: Session, addressed: Sequence[tuple[Outgoing, str]], now_us: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Rows for those that find room, and the number of the others."""
        if any(outgoing.kind == "call" for outgoing, _ in addressed):
            self._count_waiting(session)
        rows, dropped = [], 0
        for outgoing, channel_id in addressed:
            if outgoing.kind == "call":
                if self._backlog[channel_id] >= self._max_waiting_calls:
                    dropped += 1
                    continue
                self._backlog[channel_id] += 1
            rows.append(to_row(outgoing, channel_id, now_us))
        return rows, dropped

    def _count_waiting(self, session: Session) -> None:
        """Records of calls that wait, by channel; counted now and then only."""
        if time.monotonic() >= self._backlog_until_s:
            query = (
                select(DeliveryRow.channel_id, func.count())
                .where(DeliveryRow.state == "waiting", DeliveryRow.kind == "call")
                .group_by(DeliveryRow.channel_id)
            )
            self._backlog = Counter(dict(iter(session.execute(query))))
            self._backlog_until_s = time.monotonic() + BACKLOG_S

    def _claimed(self, row: DeliveryRow, channel: ChannelRow | None) -> Claimed:
        return Claimed(
            delivery_id=row.id,
            project=row.project,
            channel_id=row.channel_id,
            kind=row.kind,  # type: ignore[arg-type]
            payload=row.payload,
            tries=row.tries,
            begun_us=micros(row.begun_at),
            reach=None if channel is None else self._reach(channel),
        )

    def _reach(self, channel: ChannelRow) -> Reach | None:
        try:
            secrets = open_secrets(channel.sealed, self._store.vault, context=channel_context(channel.id))
        except SealError:
            return None
        signing = secrets.get("signing_secret")
        url = secrets.get("url")
        return Reach(
            kind=channel.kind,  # type: ignore[arg-type]
            enabled=channel.enabled,
            url="" if url is None else url.get_secret_value(),
            signing_secrets=() if signing is None else (signing.get_secret_value(),),
            addresses=tuple(channel.addresses),
        )


def _addressed(session: Session, outgoing: Sequence[Outgoing]) -> list[tuple[Outgoing, str]]:
    """Each with each of its channels, as they are now; those that are turned off get nothing."""
    projects = {one.project for one in outgoing}
    enabled = session.execute(
        select(ChannelRow.id, ChannelRow.project, ChannelRow.events).where(
            ChannelRow.project.in_(projects), ChannelRow.enabled
        )
    ).all()
    found: list[tuple[Outgoing, str]] = []
    for one in outgoing:
        wanted = set(one.channels)
        found += [
            (one, channel_id)
            for channel_id, project, events in enabled
            if project == one.project and (channel_id in wanted if wanted else events == EVENTS[one.kind])
        ]
    return found


def _insert(session: Session, rows: list[dict[str, Any]]) -> int:
    """Insert those that are not known; return their number."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(DeliveryRow).values(rows).on_conflict_do_nothing()
    return len(session.scalars(insert.returning(DeliveryRow.id)).all())


def _due(kinds: Sequence[str], now: datetime, without: Collection[str]) -> Select[str, str]:
    query = select(DeliveryRow.id, DeliveryRow.channel_id).where(
        DeliveryRow.state == "waiting", DeliveryRow.kind.in_(kinds), DeliveryRow.due_at <= now
    )
    return query.where(DeliveryRow.channel_id.not_in(without)) if without else query


def _choose(
    session: Session, kinds: Sequence[str], now: datetime, limit: int, room: dict[str, int], per_channel: int
) -> list[str]:
    """Ids of what is due, the longest due first, as far as each channel has room; locked for this session."""
    if limit <= 0:
        return []
    full = [channel for channel, left in room.items() if left <= 0]
    query = _due(kinds, now, full).order_by(DeliveryRow.due_at).limit(limit * LOOKED_AT)
    chosen: list[str] = []
    for delivery, channel in session.execute(query.with_for_update(skip_locked=True)):
        left = room.get(channel, per_channel)
        if left > 0 and len(chosen) < limit:
            room[channel] = left - 1
            chosen.append(delivery)
    return chosen


def _with_channels(session: Session, ids: Sequence[str]) -> list[tuple[DeliveryRow, ChannelRow | None]]:
    query = (
        select(DeliveryRow, ChannelRow)
        .outerjoin(ChannelRow, ChannelRow.id == DeliveryRow.channel_id)
        .where(DeliveryRow.id.in_(ids))
    )
    return [(row, channel) for row, channel in session.execute(query)]


def _record(session: Session, owner: str, tried: Tried) -> None:
    at = instant(tried.at_us)
    mine = update(DeliveryRow).where(DeliveryRow.id == tried.delivery_id, DeliveryRow.owner == owner)
    changed = session.execute(
        mine.values(
            state=tried.state,
            tries=DeliveryRow.tries + 1,
            due_at=None if tried.next_us is None else instant(tried.next_us),
            owner=None,
            ended_at=None if tried.state == "waiting" else at,
            status=tried.status,
            error=tried.error[:500],
        )
    )
    if changed.rowcount:  # type: ignore[attr-defined]
        session.add(
            DeliveryAttemptRow(
                delivery_id=tried.delivery_id,
                at=at,
                duration_us=tried.duration_us,
                status=tried.status,
                error=tried.error[:500],
            )
        )


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn the store's errors into those that the notifier's loops know."""
    try:
        yield
    except StoreUnavailableError as error:
        raise RetryableError(str(error)) from error
    except ControlError as error:
        raise FatalError(str(error)) from error
