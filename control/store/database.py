"""The store as its users hold it: reads, writes that are counted and audited, and the edges' dump."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from tallygate.control.dump import Dump
from tallygate.control.snapshot import Snapshot, assemble
from tallygate.control.store.change import Change
from tallygate.control.store.dump import read_dump
from tallygate.control.store.engine import WRITES, mapped
from tallygate.control.store.fence import FencedSession
from tallygate.control.store.tables import MetaRow
from tallygate.control.vault import Vault

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class ControlStore:
    """A store and the vault for its credentials. Blocks; safe to use from several threads."""

    def __init__(self, engine: Engine, vault: Vault, *, clock: Clock = utc_now) -> None:
        self.vault = vault
        self._engine = engine
        self._clock = clock
        self._writer = engine.execution_options(**{WRITES: True})
        level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        self._reader = engine.execution_options(**level)

    @contextmanager
    def read(self, projects: frozenset[str] | None = None) -> Iterator[Session]:
        """A session that sees one state of the store; of these projects only, if they are given.

        Raises:
            StoreUnavailableError: try again later.
        """
        with mapped(), FencedSession(self._reader) as session, session.begin():
            if projects is not None:
                session.fence(projects, to_write=False)
            yield session

    @contextmanager
    def write(self, actor: str, projects: frozenset[str] | None = None) -> Iterator[Change]:
        """A transaction that bumps the version first, which also makes writers go one by one: what a
        writer has read can't change under it. It reaches these projects only, if they are given.

        Raises:
            ConflictError, InvalidError: nothing was changed.
            StoreUnavailableError: usually nothing was changed; after a connection lost during the commit,
                perhaps everything.
        """
        with mapped(), FencedSession(self._writer) as session, session.begin():
            bumped = update(MetaRow).values(version=MetaRow.version + 1, stamp=secrets.token_hex(16))
            session.execute(bumped)
            if projects is not None:
                session.fence(projects, to_write=True)
            yield Change(session, self.vault, actor, self._clock())

    @contextmanager
    def note(self, actor: str = "") -> Iterator[Change]:
        """A transaction for what edges needn't know, deliveries and sessions: it isn't counted as a change.

        Raises:
            StoreUnavailableError: try again later.
        """
        with mapped(), Session(self._writer) as session, session.begin():
            yield Change(session, self.vault, actor, self._clock())

    def now(self) -> datetime:
        """The time by the store's clock."""
        return self._clock()

    def stamp(self) -> str:
        """Another one with every change.

        Raises:
            StoreUnavailableError: try again later.
        """
        with self.read() as session:
            return session.execute(select(MetaRow.stamp)).scalar_one()

    def dump(self) -> Dump:
        """All that edges need, of one state.

        Raises:
            StoreUnavailableError: try again later.
        """
        with self.read() as session:
            return read_dump(session)

    def snapshot(self) -> Snapshot:
        """The same, opened."""
        return assemble(self.dump(), self.vault)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
