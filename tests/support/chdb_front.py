"""A stand-in for a ClickHouse server: HTTP before chDB, as far as clickhouse-connect's client goes.

    python -m tests.support.chdb_front --port 8123 --path DIRECTORY

It answers `/ping`, queries in the URL or the body, server-side parameters (`param_x`), settings, databases,
and inserts in Native format (plain or LZ4). Each request has a connection of its own: its settings stay its
own, and so does what chDB leaves behind after an error. It has no users and takes any credentials.
"""

import argparse
import re
import socket
import subprocess
import sys
import tempfile
from asyncio import get_running_loop
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb
import lz4.frame  # type: ignore[import-untyped]
from aiohttp import web

from tallygate.runtime.clickhouse import ServerTarget, connect
from tallygate.runtime.config import ClickHouseConfig
from tests.support.wait import eventually_sync

MAX_BODY_BYTES = 1024**3
REFUSE = "refuse-inserts"
"""While a file of that name lies beside the data, inserts are refused as by an overloaded server."""
# Consumed by the transport of a real server, or of no meaning here.
_TRANSPORT = {
    *("query", "database", "query_id", "session_id", "role", "quota_key", "user", "password", "buffer_size"),
    *("compress", "decompress", "enable_http_compression", "client_protocol_version", "wait_end_of_query"),
    *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
}
_INSERT = re.compile(
    rb"\s*INSERT\s+INTO\s+(?P<into>.*?)\s+FORMAT\s+(?P<format>\w+)\s", re.DOTALL | re.IGNORECASE
)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


@dataclass(frozen=True)
class Statement:
    """A request, taken apart."""

    sql: str
    data: bytes
    database: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]


class Front:
    """The handlers; chDB works in threads."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._keeps_the_engine = chdb.connect(path)
        self._threads = ThreadPoolExecutor(4)

    async def handle(self, request: web.Request) -> web.Response:
        """Any query."""
        encoding = request.headers.get("Content-Encoding", "")
        statement = parse(dict(request.query), await request.read(), encoding)
        try:
            fmt, body = await get_running_loop().run_in_executor(self._threads, self._run, statement)
        except RuntimeError as error:
            code = found[1] if (found := _CODE.search(str(error))) else "1002"
            return web.Response(status=500, text=str(error), headers={"X-ClickHouse-Exception-Code": code})
        headers = {"X-ClickHouse-Timezone": "UTC", "X-ClickHouse-Summary": "{}"}
        return web.Response(body=body, headers=headers | ({"X-ClickHouse-Format": fmt} if body else {}))

    async def ping(self, _request: web.Request) -> web.Response:
        """As a server answers a health check."""
        return web.Response(text="Ok.\n")

    def _run(self, statement: Statement) -> tuple[str, bytes]:
        connection = chdb.connect(self._path)
        try:
            if statement.database:
                connection.query(f"USE `{statement.database}`")
            for name, value in statement.settings.items():
                connection.query(f"SET {name} = '{value}'")
            return self._answer(connection, statement)
        finally:
            connection.close()

    def _answer(self, connection: Any, statement: Statement) -> tuple[str, bytes]:
        if match := _INSERT.match(statement.sql.encode() + b" "):
            if Path(self._path).with_name(REFUSE).exists():
                raise RuntimeError("Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)")
            with tempfile.NamedTemporaryFile() as file:
                file.write(statement.data)
                file.flush()
                into, fmt = match["into"].decode(), match["format"].decode()
                connection.query(f"INSERT INTO {into} FROM INFILE '{file.name}' FORMAT {fmt}")
            return fmt, b""
        fmt = found[1] if (found := _FORMAT.search(statement.sql)) else "TabSeparated"
        return fmt, connection.query(statement.sql, fmt, params=dict(statement.parameters)).bytes() or b""


def parse(query: Mapping[str, str], body: bytes, encoding: str) -> Statement:
    """Take a request apart: the statement is in the URL, the body, or before the data of an insert."""
    if encoding == "lz4":
        body = lz4.frame.decompress(body)
    sql, data = query.get("query", ""), body
    if not sql:
        match = _INSERT.match(body)
        end = match.end() if match else len(body)
        sql, data = body[:end].decode(), body[end:]
    return Statement(
        sql=sql,
        data=data,
        database=query.get("database", ""),
        settings={k: v for k, v in query.items() if k not in _TRANSPORT and not k.startswith("param_")},
        parameters={k.removeprefix("param_"): v for k, v in query.items() if k.startswith("param_")},
    )


def build_front(path: str) -> web.Application:
    """The application over a chDB directory (or `:memory:`)."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    front = Front(path)
    app.router.add_get("/ping", front.ping)
    app.router.add_route("*", "/", front.handle)
    return app


class FrontProcess:
    """A front in a process of its own, to be killed and started again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> ServerTarget:
        """How to reach it."""
        return ServerTarget(ClickHouseConfig(port=self.port))

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "tests.support.chdb_front"]
        command += ["--port", str(self.port), "--path", str(self._path)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        eventually_sync(lambda: connect(self.target, database="default"))

    def kill(self) -> None:
        """As `kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.path.mkdir(parents=True, exist_ok=True)
    app = build_front(str(arguments.path.resolve()))
    web.run_app(app, host="127.0.0.1", port=arguments.port, print=None)


if __name__ == "__main__":
    main()
