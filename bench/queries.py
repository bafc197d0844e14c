"""`python -m bench.queries DATA_DIR`: how fast the query API answers over a store, and what it reads for it.

`tallygate demo --data-dir DATA_DIR --calls 10000000` fills one. Questions go over HTTP to the API in this
process, over chDB. Cold: the kernel's and the engine's caches are dropped first. Rows and bytes are the
engine's own counts, of all statements of a question.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tallygate.analytics.app import build_app
from tallygate.runtime.clickhouse import EmbeddedTarget, Session, connect

Client = TestClient[web.Request, web.Application]
DAYS = 30
_COUNTERS = "SELECT event, toInt64(value) FROM system.events WHERE event IN ('SelectedRows', 'SelectedBytes')"
_CACHES = ("MARK CACHE", "INDEX MARK CACHE", "UNCOMPRESSED CACHE", "INDEX UNCOMPRESSED CACHE", "QUERY CACHE")


def questions(session: Session) -> Iterator[tuple[str, str]]:
    """What the pages show of the last thirty days: a name, and the address."""
    ((newest,),) = session.rows("SELECT max(received_at) FROM call_log")
    midnight = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin, end = midnight - timedelta(days=DAYS), midnight + timedelta(days=1)
    period = f"from={begin:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}"
    recent = f"from={begin:%Y-%m-%dT%H:%M:%SZ}"
    ((session_id,),) = session.rows("SELECT session_id FROM call_log WHERE session_id != '' LIMIT 1")
    yield "sums", f"usage?{period}"
    yield "sums by day", f"usage/series?{recent}&interval=day"
    yield "sums by day and model", f"usage/series?{recent}&interval=day&by=model&top=6"
    yield "latency by day", f"latency?{recent}&interval=day"
    yield "models", f"models?{recent}&limit=8"
    yield "top users", f"usage?{period}&by=user&limit=8"
    yield "forecast", "forecast"
    yield "cache", f"cache?{recent}"
    yield "errors", f"errors?{recent}"
    yield "users page", f"users?{recent}&limit=50"
    yield "properties", f"properties?{recent}"
    yield "a property's values", f"properties/feature?{recent}"
    yield "sessions", f"sessions?{recent}"
    yield "one session", f"sessions/{session_id}"
    yield "requests", f"requests?{period}"
    yield "requests of a team with status 429", f"requests?{period}&property.team=sales&status=429"


def drop_caches(directory: Path, session: Session) -> None:
    """Forget what was read: the engine's caches, and the kernel's of the store's files."""
    for cache in _CACHES:
        session.command(f"SYSTEM DROP {cache}")
    for path in directory.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def counted(session: Session) -> tuple[int, int]:
    """Rows and bytes that were read since the process began."""
    found = dict(session.rows(_COUNTERS))
    return found.get("SelectedRows", 0), found.get("SelectedBytes", 0)


async def ask(client: Client, path: str) -> float:
    """Ask once; milliseconds."""
    begun = time.perf_counter()
    async with client.get(f"/api/v1/{path}") as answer:
        await answer.read()
        answer.raise_for_status()
    return (time.perf_counter() - begun) * 1e3


async def main(directory: Path, rounds: int) -> None:
    """Measure all questions and print a table."""
    target = EmbeddedTarget(directory / "chdb")
    session = connect(target)
    ((calls,),) = session.rows("SELECT count() FROM call_log")
    print(f"{calls} calls, median of {rounds}\n")
    print("| question | warm, ms | cold, ms | rows read | bytes read |\n|---|---:|---:|---:|---:|")
    async with TestClient(TestServer(build_app(target))) as client:
        for name, path in questions(session):
            drop_caches(target.path, session)
            cold = await ask(client, path)
            warm = statistics.median([await ask(client, path) for _ in range(rounds)])
            # What reading the counters reads is in them, too.
            first, second = counted(session), counted(session)
            await ask(client, path)
            third = counted(session)
            rows, size = (third[n] - second[n] - (second[n] - first[n]) for n in (0, 1))
            print(f"| {name} | {warm:.0f} | {cold:.0f} | {rows:,} | {size:,} |", flush=True)
    session.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    asyncio.run(main(given.data_dir, given.rounds))
