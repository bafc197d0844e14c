"""Connections to the store's database, and the one place where SQLAlchemy's errors become ours."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy import exc as sa

from tallygate.control.errors import ConflictError, InvalidError, SchemaError, StoreUnavailableError
from tallygate.runtime.config import ConfigError

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for the one before it."""
CONNECT_TIMEOUT_S = 3
SQLITE_RECYCLE_S = 2
"""An open file goes on to be read after another was put in its place, such as a backup: open it anew."""
STATEMENT_TIMEOUT_MS = 10_000
WRITES = "tallygate_writes"
"""Execution option of connections that begin by taking the write lock."""


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


COMMON: dict[str, Any] = {
    "hide_parameters": True,  # errors don't repeat what was to be stored
    "json_serializer": _to_json,
    "json_deserializer": orjson.loads,
}


def engine_for(dsn: str | None, default_path: Path) -> Engine:
    """An engine for a DSN, or for SQLite at a path. Connects only when it is used.

    Raises:
        ConfigError: not a DSN of PostgreSQL or SQLite; it isn't repeated in the message.
    """
    if dsn is None:
        return _sqlite(default_path)
    try:
        url = make_url(dsn)
    except (sa.ArgumentError, ValueError):
        raise ConfigError(
            "control.dsn: not a database URL, such as postgresql://user@host/database"
        ) from None
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgresql(url.set(drivername="postgresql+psycopg"))
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return _sqlite(Path(url.database))
    raise ConfigError("control.dsn: only postgresql://… and sqlite:///path are supported")


def _sqlite(path: Path) -> Engine:
    # mode=rw: only a migration makes the file, so that a lost one is an error and not an empty store.
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000)

    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, creator=connect, poolclass=QueuePool, pool_recycle=SQLITE_RECYCLE_S, **COMMON)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # else the driver begins transactions when it sees fit
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    timeouts: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
    }
    # No prepared statements and no start-up options: poolers in between refuse them.
    arguments = {**timeouts, **url.query, "prepare_threshold": None}
    engine = create_engine(
        url.set(query={}), connect_args=arguments, pool_pre_ping=True, pool_size=2, **COMMON
    )

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")

    return engine


@contextmanager
def mapped() -> Iterator[None]:
    """Turn database errors into those of `control.errors`."""
    try:
        yield
    except sa.IntegrityError as error:
        raise ConflictError(f"the store refused it: {_reason(error)}") from error
    except sa.DataError as error:
        raise InvalidError(f"a value can't be stored: {_reason(error)}") from error
    except sa.ProgrammingError as error:
        raise SchemaError(f"the store's tables are not those of this release: {_reason(error)}") from error
    except sa.DBAPIError as error:
        reason = _reason(error)
        if reason.startswith("no such "):
            raise SchemaError(f"the store's tables are not those of this release: {reason}") from error
        raise StoreUnavailableError(f"the control store can't be used: {reason}") from error
    except sa.TimeoutError as error:
        raise StoreUnavailableError("the control store has no free connection") from error


def _reason(error: sa.DBAPIError) -> str:
    """The first line only: PostgreSQL puts values into the following ones."""
    lines = str(error.orig).splitlines()
    return lines[0] if lines else type(error.orig).__name__
