"""A real PostgreSQL for tests: an own cluster in a temporary directory, on a free port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.wait import eventually_sync

SERVER_USER = "postgres"
"""PostgreSQL refuses to run as root; Debian's package makes this user."""


def programs() -> Path | None:
    """Where `initdb` and `postgres` are: Debian keeps them out of the path."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), default=None)


def unavailable() -> str | None:
    """Why no PostgreSQL can be run here; None if one can."""
    if programs() is None:
        return "PostgreSQL's server programs are missing (apt-get install postgresql)"
    if os.geteuid() == 0 and SERVER_USER not in {entry.pw_name for entry in pwd.getpwall()}:
        return f"PostgreSQL does not run as root and there is no user {SERVER_USER}"
    return None


class Postgres:
    """A cluster; can be stopped and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._programs = programs() or Path()
        self._user = SERVER_USER if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        if self._user is not None:
            shutil.chown(directory, self._user)
        options = ("--auth=trust", "--username=tallygate", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._run("initdb", "-D", str(directory / "data"), *options)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = ("fsync=off", "listen_addresses=127.0.0.1", f"unix_socket_directories={self._directory}")
        flags = [word for setting in settings for word in ("-c", setting)]
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._directory / "data", "-p", str(self.port), *flags],
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._user,
            )
        eventually_sync(self._answers)

    def stop(self) -> None:
        """Stop the server at once, as a crash would; it recovers at the next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def new_database(self) -> str:
        """The DSN of a new, empty schema: like a database to whoever uses it, and far quicker to make."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self.dsn}?options=-csearch_path%3D{name}"

    @property
    def dsn(self) -> str:
        """The DSN of the server."""
        return f"postgresql://tallygate@127.0.0.1:{self.port}/postgres"

    def dump(self, dsn: str, *options: str) -> str:
        """What a DSN of `new_database` holds as SQL text, without what differs each time."""
        schema = dsn.rpartition("%3D")[2]
        lines = self._run("pg_dump", "--no-owner", f"--schema={schema}", *options, self.dsn).splitlines()
        kept = (line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))
        return "\n".join(kept).replace(schema, "test")

    def _answers(self) -> bool:
        with psycopg.connect(self.dsn, connect_timeout=2):
            return True

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, user=self._user, group=self._user, cwd="/"
        )
        return done.stdout


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A cluster that ends with the block."""
    # Not pytest's own directory: the server's user must be able to enter it.
    directory = Path(tempfile.mkdtemp(prefix="tallygate-postgres-"))
    server = Postgres(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)
