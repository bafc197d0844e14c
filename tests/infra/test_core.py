"""The core process: its end in order, its end when the runner dies, and who may reach it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tallygate.edge.outbox.writer import OutboxWriter
from tallygate.infra.api import require_guarded
from tallygate.infra.core import RunnerThread
from tallygate.infra.core_metrics import watch
from tallygate.runtime.clickhouse import EmbeddedTarget
from tallygate.runtime.config import ConfigError, Settings
from tallygate.schemas import codec
from tallygate.schemas.call import Origin
from tallygate.schemas.topics import RESPONSES, partition_key
from tallygate.stream_processors.embedded import EmbeddedRunner
from tallygate.stream_processors.sink.store import ClickHouseStore
from tests.support.factories import response_event
from tests.support.wait import PATIENCE_S, eventually_sync

Start = Callable[[], "Core"]


class Core:
    """A core process over a data directory."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = data.parent / "core.log"
        settings = {"TALLYGATE_DATA_DIR": str(data), "TALLYGATE_API_PORT": str(self.port)}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tallygate.infra.cli", "core"],
                env={**os.environ, **settings},
                stdout=output,
                stderr=output,
            )

    def count(self) -> int:
        """Number of calls in SQL."""
        answer = httpx2.post(
            f"http://127.0.0.1:{self.port}/api/v1/sql", json={"query": "SELECT count() FROM calls"}
        )
        return int(answer.json()["rows"][0][0])

    def ready(self) -> bool:
        """Whether it says so."""
        return httpx2.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts core processes over one data directory, and ends those that are left."""
    started: list[Core] = []

    def one() -> Core:
        core = Core(tmp_path / "data")
        started.append(core)
        eventually_sync(core.ready)
        return core

    yield one
    for core in started:
        if core.process.poll() is None:
            core.process.kill()
            core.process.wait()


def write_calls(data: Path, count: int) -> None:
    """What an edge worker would have written."""
    writer = OutboxWriter(data / "outbox" / "edge-0")
    for _ in range(count):
        event = response_event(origin=Origin(edge_id=writer.edge_id, seq=writer.next_seq))
        writer.append(RESPONSES.code, partition_key(event.project, event.user_id), codec.encode(event))
    writer.close()


def test_calls_are_in_sql_and_a_stop_takes_what_is_there(start: Start, tmp_path: Path) -> None:
    core = start()
    write_calls(tmp_path / "data", 20)
    eventually_sync(lambda: core.count() == 20)
    metrics = httpx2.get(f"http://127.0.0.1:{core.port}/metrics").text
    assert "tallygate_core_calls_total 20.0" in metrics
    write_calls(tmp_path / "data", 30)
    assert core.stop() == 0, core.log.read_text()
    assert "50 calls priced, 0 bytes wait" in core.log.read_text()
    again = start()
    assert again.count() == 50
    assert again.stop() == 0


def test_killed_it_goes_on_where_it_was(start: Start, tmp_path: Path) -> None:
    core = start()
    write_calls(tmp_path / "data", 10)
    eventually_sync(lambda: core.count() == 10)
    core.process.kill()
    core.process.wait()
    write_calls(tmp_path / "data", 10)
    again = start()
    eventually_sync(lambda: again.count() == 20)
    assert again.stop() == 0


def test_it_ends_if_its_runner_dies(start: Start, tmp_path: Path) -> None:
    core = start()
    assert core.stop() == 0
    (tmp_path / "data" / "state.db").write_bytes(b"this is no database" * 100)
    broken = Core(tmp_path / "data")
    assert broken.process.wait(timeout=PATIENCE_S) == 1
    assert "the runner has died" in broken.log.read_text()
    assert not psutil.pid_exists(broken.process.pid)


def test_the_thread_tells_that_its_runner_died(tmp_path: Path) -> None:
    ended: list[bool] = []
    thread = RunnerThread(unusable_runner(tmp_path), lambda: ended.append(True))
    thread.start()
    thread.finish()
    assert thread.failed
    assert ended == [True]


def unusable_runner(directory: Path) -> EmbeddedRunner:
    """A runner whose state is no database; it dies before it asks its store for anything."""
    state = directory / "state.db"
    state.write_bytes(b"this is no database" * 100)
    store = ClickHouseStore(EmbeddedTarget(directory / "never opened"))
    return EmbeddedRunner(directory / "outbox", state, store)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_addresses(host: str) -> None:
    require_guarded(Settings(api_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_other_addresses(host: str) -> None:
    with pytest.raises(ConfigError, match="api_host"):
        require_guarded(Settings(api_host=host))


def test_metrics_of_the_runner_are_read_when_asked(tmp_path: Path) -> None:
    runner = unusable_runner(tmp_path)
    registry = CollectorRegistry()
    watch(runner, registry)
    runner.processed, runner.lag_bytes = 8, 11
    text = generate_latest(registry).decode()
    assert "tallygate_core_calls_total 8.0" in text
    assert "tallygate_core_lag_bytes 11.0" in text
