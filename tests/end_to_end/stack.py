"""The whole system as a user starts it: `tallygate` processes, free ports, a data directory of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Command:
    """A `tallygate` command running as a process of its own, its output in a file."""

    def __init__(self, *arguments: str, env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tallygate.infra.cli", *arguments],
                env={**os.environ, **env},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def children(self, word: str) -> list[int]:
        """Pids of the processes below it whose command line has a word."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if word in child.cmdline():
                    found.append(child.pid)
            except psutil.NoSuchProcess:
                continue
        return found

    def kill(self) -> None:
        """`kill -9`, and wait for the end."""
        self.process.kill()
        self.process.wait(timeout=10)

    def stop(self, within_s: float = 15.0) -> int:
        """SIGTERM; return the exit code.

        Raises:
            subprocess.TimeoutExpired: it did not end in time (and was killed).
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def output(self) -> str:
        """All that it printed so far."""
        return self.log.read_text(errors="replace")


class Gateway:
    """Addresses of a running system, and its query API."""

    def __init__(self, edge_port: int, api_port: int) -> None:
        self.url = f"http://127.0.0.1:{edge_port}"
        self.api = f"http://127.0.0.1:{api_port}"

    def sql(self, query: str, **parameters: Any) -> list[list[Any]]:
        """Rows of a query through `POST /api/v1/sql`."""
        answer = httpx.post(
            f"{self.api}/api/v1/sql", json={"query": query, "parameters": parameters}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows

    def ready(self) -> bool:
        """Whether both the gateway and the API say that they are ready."""
        try:
            return all(
                httpx.get(f"{base}/readyz", timeout=2).status_code == 200 for base in (self.url, self.api)
            )
        except httpx.HTTPError:
            return False


def wait_ready(gateway: Gateway, command: Command, within_s: float = 30.0) -> float:
    """Wait until a system is ready; return the seconds it took."""
    begin = time.monotonic()
    while not gateway.ready():
        assert command.process.poll() is None, command.output()
        assert time.monotonic() - begin < within_s, command.output()
        time.sleep(0.02)  # noqa: TID251 - a process start is polled
    return time.monotonic() - begin
