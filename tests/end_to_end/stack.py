"""The whole system as a user starts it: `tallygate` processes, free ports, a data directory of its own."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.support.processes import Started
from tests.support.wait import PATIENCE_S, eventually_sync


def command(*arguments: str, env: Mapping[str, str], log: Path) -> Started:
    """Start a `tallygate` command."""
    return Started([sys.executable, "-m", "tallygate.infra.cli", *arguments], env, log)


def children(parent: Started, word: str) -> list[int]:
    """Pids of the processes below one whose command line has a word."""
    found = []
    for child in psutil.Process(parent.pid).children(recursive=True):
        try:
            if word in child.cmdline():
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


class Gateway:
    """Addresses of a running system, and its query API."""

    def __init__(self, edge_port: int, api_port: int) -> None:
        self.url = f"http://127.0.0.1:{edge_port}"
        self.api = f"http://127.0.0.1:{api_port}"

    def sql(self, query: str, **parameters: Any) -> list[list[Any]]:
        """Rows of a query through `POST /api/v1/sql`."""
        body = {"query": query, "parameters": parameters}
        answer = httpx2.post(f"{self.api}/api/v1/sql", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows

    def ready(self) -> bool:
        """Whether both the gateway and the API say that they are ready."""
        try:
            answers = [httpx2.get(f"{base}/readyz", timeout=2) for base in (self.url, self.api)]
        except httpx2.HTTPError:
            return False
        return all(answer.status_code == 200 for answer in answers)


def wait_ready(gateway: Gateway, process: Started, within_s: float = PATIENCE_S) -> float:
    """Wait until a system is ready; return the seconds it took."""
    begin = time.monotonic()

    def over() -> bool:
        return process.exit_code is not None or gateway.ready()

    eventually_sync(over, within_s=within_s, every_s=0.05)
    assert process.exit_code is None, process.tail()
    return time.monotonic() - begin
