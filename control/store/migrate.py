"""Bringing the store's database to this release's tables, one process at a time."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from tallygate.control import migrations
from tallygate.control.errors import SchemaError, StoreUnavailableError
from tallygate.control.store.engine import WRITES, mapped

LOCK_ID = 0x7A11_9A7E
"""Of PostgreSQL's advisory lock: any number that nothing else in that database uses."""


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables. Does nothing if they are this release's.

    The lock is held, and everything is undone on a failure, by the one transaction that all runs in.

    Raises:
        SchemaError: a newer release has been here.
        StoreUnavailableError: try again later.
    """
    if engine.dialect.name == "sqlite" and engine.url.database:
        _prepare_file(Path(engine.url.database))
    with mapped():
        with engine.connect() as connection:
            if _revision(connection) == migrations.HEAD:
                return
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK_ID})"))
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    # Alembic takes a while to import and is only needed here; it logs as soon as it is imported.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, migrations.HEAD)
    except CommandError as error:
        found = _revision(connection)
        raise SchemaError(
            f"the control store is at revision {found}, which this release doesn't know"
        ) from error


def _prepare_file(path: Path) -> None:
    """Make the file, readable by its owner alone, and set WAL, where readers don't wait for the writer.

    Under a file lock, for SQLite may refuse to change the mode while another process opens the database.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_name(path.name + ".lock")):
            # Never open a file that is there: closing it again would drop the locks that SQLite holds for
            # this process's other connections, and another process would delete the log under them.
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            connection = sqlite3.connect(path)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailableError(f"{path} can't be used: {error}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
