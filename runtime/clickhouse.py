"""The one place that talks to ClickHouse: a server over HTTP, or chDB, the same engine in this process.

Both are reached through `clickhouse_connect`, whose errors leave here as those of `clickhouse_errors`.
"""

import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.common import write_leb128
from clickhouse_connect.driver.compression import get_compressor
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError
from clickhouse_connect.driver.exceptions import (
    InterfaceError,
    OperationalError,
    StreamClosedError,
    StreamFailureError,
)
from clickhouse_connect.driver.insert import InsertContext
from urllib3.exceptions import HTTPError as TransportError

from tallygate.runtime.clickhouse_errors import (
    ClickHouseError,
    ResultTooLargeError,
    StatementError,
    UnavailableError,
    error_for,
)
from tallygate.runtime.config import ClickHouseConfig

__all__ = [
    "ClickHouseError",
    "EmbeddedTarget",
    "ResultTooLargeError",
    "ServerTarget",
    "Session",
    "SessionPool",
    "StatementError",
    "Target",
    "UnavailableError",
    "connect",
]

# It logs every lost connection with its stack; the error itself is raised, and logged by who retries.
logging.getLogger("clickhouse_connect.driver._backend.http_sync").setLevel(logging.ERROR)

MIB = 1024 * 1024
Setting = str | int
CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 60
"""An insert of one batch or a query of the API takes seconds at most; beyond this the server is gone."""

WRITE_SETTINGS: dict[str, Setting] = {
    "async_insert": 0,
    "max_insert_threads": 1,
    # An insert is one block, hence one part: of a batch all is held, or nothing.
    "min_insert_block_size_rows": 1_048_449,
    "min_insert_block_size_bytes": 268_402_944,
    "max_partitions_per_insert_block": 1,
}
"""What makes an insert atomic; set for every session, as a server's profile may say otherwise."""
_INSERTS = """
SELECT count() FROM system.processes
WHERE query_kind = 'Insert' AND Settings['log_comment'] = {comment:String}
"""


@dataclass(frozen=True, slots=True)
class EmbeddedTarget:
    """chDB on a directory. One process at a time may have it open, and a process may open one directory."""

    path: Path
    database: str = "tallygate"
    max_memory_bytes: int = 2048 * MIB


@dataclass(frozen=True, slots=True)
class ServerTarget:
    """A ClickHouse server."""

    config: ClickHouseConfig = field(default_factory=ClickHouseConfig)

    @property
    def database(self) -> str:
        """Where the tables are."""
        return self.config.database


Target = EmbeddedTarget | ServerTarget


class Session:
    """A connection, for one thread at a time."""

    def __init__(self, open_client: Callable[[], Client], *, compression: str | None, reopen: bool) -> None:
        """Open the connection.

        Args:
            open_client: called again after an error if `reopen`.
            compression: of what is inserted.
        """
        self._open_client = open_client
        self._compression = compression
        self._reopen = reopen
        self._client: Client | None = None
        with self._at_work():
            pass

    def command(self, sql: str) -> None:
        """Run a statement that has no result."""
        with self._at_work() as client:
            client.command(sql)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a query; times come as aware datetimes in UTC."""
        with self._at_work() as client:
            result = client.query(sql, parameters=_bound(sql, parameters), tz_mode="aware")
            return [tuple(row) for row in result.result_rows]

    def raw(
        self, sql: str, fmt: str, parameters: Mapping[str, Any] | None = None, *, max_bytes: int | None = None
    ) -> bytes:
        """Run a query and return its result in one of ClickHouse's formats.

        Raises:
            ResultTooLargeError: the result has more than `max_bytes`. ClickHouse's own `max_result_bytes`
                counts a constant once, however many rows repeat it.
        """
        with self._at_work() as client:
            stream: Any = client.raw_stream(sql, parameters=_bound(sql, parameters), fmt=fmt)
            try:
                answer = bytes(stream.read() if max_bytes is None else stream.read(max_bytes + 1))
            finally:
                stream.close()
        if max_bytes is not None and len(answer) > max_bytes:
            raise ResultTooLargeError(f"the result has more than {max_bytes} bytes")
        return answer

    def insert(
        self,
        table: str,
        names: Sequence[str],
        types: Sequence[str],
        columns: Sequence[Sequence[Any]],
        *,
        comment: str = "",
    ) -> None:
        """Insert columns as one block: all of it is held when this returns, all or nothing if it raises.

        The server may still be at it after an error or the end of this process: `inserting` says so.

        The block is encoded first and sent as a stream that can't be read twice: the driver would else repeat
        an insert whose answer was lost, and rows would be held twice.

        Raises:
            UnavailableError: it may be held, or not.
            StatementError: it is not held.
        """
        block = encode_native(names, types, columns)
        body = _compressed(block, self._compression)
        with self._at_work() as client:
            client.raw_insert(
                table,
                names,
                insert_block=(part for part in (body,)),
                fmt="Native",
                compression=self._compression,
                settings={"log_comment": comment},
            )

    def inserting(self, comment: str) -> bool:
        """Whether an insert with this comment is under way, whoever began it."""
        return self.rows(_INSERTS, {"comment": comment}) != [(0,)]

    def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with _mapped():
                client.close()

    @contextmanager
    def _at_work(self) -> Iterator[Client]:
        with _mapped():
            if self._client is None:
                self._client = self._open_client()
            try:
                yield self._client
            except BaseException:
                if self._reopen:
                    self._replace()
                raise

    def _replace(self) -> None:
        """Change the connection: chDB 26.9 puts what a failed query had written in front of the next result.

        The new one is opened first: without any the engine would stop, and let another process in.
        """
        old, self._client = self._client, None
        try:
            self._client = self._open_client()
        finally:
            if old is not None:
                old.close()


def connect(
    target: Target, *, database: str | None = None, settings: Mapping[str, Setting] | None = None
) -> Session:
    """Open a session.

    Args:
        database: instead of the target's own, which may not exist yet.
        settings: ClickHouse settings of everything that is run in the session.

    Raises:
        UnavailableError: the server can't be reached, or another process has the directory open.
        StatementError: it does not let us in, or a setting is wrong.
    """
    name = database or target.database
    merged = {**WRITE_SETTINGS, **(settings or {})}
    if isinstance(target, EmbeddedTarget):
        return Session(lambda: _embedded(target, name, merged), compression=None, reopen=True)
    return Session(lambda: _server(target.config, name, merged), compression="lz4", reopen=False)


class SessionPool:
    """A session for each thread that asks: neither chDB's nor HTTP's may be shared at work."""

    def __init__(
        self, target: Target, *, database: str | None = None, settings: Mapping[str, Setting] | None = None
    ) -> None:
        """Take what `connect` takes; nothing is opened yet."""
        self._target = target
        self._database = database
        # First: after `readonly` no setting can be changed.
        self._tag = f"tallygate-{uuid.uuid4().hex}"
        self._settings = {"log_comment": self._tag, **(settings or {})}
        self._local = threading.local()
        self._all: list[Session] = []
        self._lock = threading.Lock()

    def session(self) -> Session:
        """This thread's session; errors as of `connect`."""
        session: Session | None = getattr(self._local, "session", None)
        if session is None:
            session = connect(self._target, database=self._database, settings=self._settings)
            self._local.session = session
            with self._lock:
                self._all.append(session)
        return session

    def cancel(self) -> None:
        """Stop the queries that are running in the pool's sessions: their threads get an error."""
        if not self._all:
            return
        session = connect(self._target, database="default")
        try:
            session.command(f"KILL QUERY WHERE Settings['log_comment'] = '{self._tag}' ASYNC")
        finally:
            session.close()

    def close(self) -> None:
        """Close every session; none may be at work."""
        with self._lock:
            sessions, self._all = self._all, []
        self._local = threading.local()
        for session in sessions:
            session.close()


def encode_native(names: Sequence[str], types: Sequence[str], columns: Sequence[Sequence[Any]]) -> bytes:
    """Encode columns of one length as one block of ClickHouse's Native format.

    Raises:
        StatementError: a value does not fit its column.
    """
    rows = len(columns[0])
    column_types = [get_from_name(name) for name in types]
    context = InsertContext("", names, column_types, columns, column_oriented=True, block_size=rows)
    block = bytearray()
    write_leb128(len(columns), block)
    write_leb128(rows, block)
    for name, column_type, column in zip(names, column_types, columns, strict=True):
        _write_text(name, block)
        _write_text(column_type.insert_name, block)
        context.start_column(name)
        try:
            column_type.write_column(column, block, context)
        except (DriverError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise StatementError(f"column {name} does not take its values: {error}") from error
    return bytes(block)


def _bound(sql: str, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters that the server binds.

    The driver binds by Python's `%` when it finds none of them in the text: never to happen, as that is no
    protection, and breaks on every `LIKE '%x'`.
    """
    for name in parameters or {}:
        if f"{{{name}:" not in sql:
            raise StatementError(f"the statement has no parameter {{{name}:Type}}")
    return dict(parameters or {})


def _write_text(text: str, block: bytearray) -> None:
    encoded = text.encode()
    write_leb128(len(encoded), block)
    block += encoded


def _compressed(block: bytes, compression: str | None) -> bytes:
    if compression is None:
        return block
    return bytes(get_compressor(compression).compress_block(block))


def _embedded(target: EmbeddedTarget, database: str, settings: Mapping[str, Setting]) -> Client:
    target.path.mkdir(parents=True, exist_ok=True)
    config = target.path.parent / f"{target.path.name}.xml"
    config.write_text(_engine_config(target.max_memory_bytes))
    return clickhouse_connect.get_client(
        interface="chdb",
        path=str(target.path),
        database=database,
        settings=dict(settings),
        show_clickhouse_errors="scrub",
        chdb_options={"config-file": str(config.resolve())},
    )


def _engine_config(max_memory_bytes: int) -> str:
    # The engine's own defaults are made for a machine of its own: nine tenths of the memory, caches of 5 GB.
    cache = max_memory_bytes // 8
    return (
        "<clickhouse>"
        f"<max_server_memory_usage>{max_memory_bytes}</max_server_memory_usage>"
        f"<mark_cache_size>{cache}</mark_cache_size>"
        f"<index_mark_cache_size>{cache}</index_mark_cache_size>"
        "</clickhouse>\n"
    )


def _server(config: ClickHouseConfig, database: str, settings: Mapping[str, Setting]) -> Client:
    return clickhouse_connect.get_client(
        host=config.host,
        port=config.port,
        username=config.username,
        password=config.password.get_secret_value(),
        secure=config.secure,
        database=database,
        # The end of an insert is known by its answer alone: none before it, no second try by the driver.
        settings={**settings, "wait_end_of_query": 1},
        query_retries=0,
        connect_timeout=CONNECT_TIMEOUT_S,
        send_receive_timeout=ANSWER_TIMEOUT_S,
        autogenerate_session_id=False,
        show_clickhouse_errors="scrub",
        client_name="tallygate",
    )


@contextmanager
def _mapped() -> Iterator[None]:
    """Map the driver's errors, those of the connection below it, and those of the disk below chDB."""
    try:
        yield
    except DriverError as error:
        raise _map(error) from error
    except (OSError, TransportError) as error:
        raise UnavailableError(f"no answer from ClickHouse: {error}") from error


def _map(error: DriverError) -> ClickHouseError:
    text = str(error)
    code = getattr(error, "code", None)
    if code is None and "Error initializing EmbeddedServer" in text:
        return UnavailableError("chDB can't open its directory; another process may have it open")
    if code is None and isinstance(error, OperationalError):
        return UnavailableError(f"no answer from ClickHouse: {_root(error)}")
    transport = isinstance(error, InterfaceError | StreamClosedError | StreamFailureError)
    return error_for(_sentence(text), code, getattr(error, "name", None), transport=transport)


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _sentence(text: str) -> str:
    """ClickHouse's sentence, without the frame that the driver and the engine put around it."""
    match = re.search(r"DB::Exception: (?P<sentence>.*)", text, re.DOTALL)
    sentence = match["sentence"] if match else text
    return re.sub(r"\s*\([A-Z][A-Z0-9_]+\)\s*$", "", sentence.strip())
