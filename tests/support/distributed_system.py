"""The distributed system on one machine, each process real and each to be killed."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import clickhouse_connect

from tallygate.infra.kafka.dev_broker import free_port
from tallygate.runtime.config import ClickHouseConfig, Settings
from tests.support import chdb_front
from tests.support.accounts import CALL_COST_NANOS, expected_totals, priced_calls, published_totals
from tests.support.environment import environment_of
from tests.support.factories import request_event
from tests.support.outboxes import FilledOutbox
from tests.support.processes import Started, start_run
from tests.support.wait import eventually, eventually_sync

MODULES = {
    "shipper": "tallygate.edge.shipper",
    "worker": "tallygate.stream_processors.faust_worker.process",
    "sink": "tallygate.stream_processors.sink.process",
}


class Held(NamedTuple):
    """What ClickHouse says."""

    calls: int
    distinct: int
    cost_nanos: int
    requests: int


class ClickHouse:
    """chDB behind its HTTP front, on a directory that outlives the process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = ClickHouseConfig(port=free_port())
        self.process: Started | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        arguments = [sys.executable, "-m", "tests.support.chdb_front", "--port", str(self.config.port)]
        arguments += ["--path", str(self.directory / "chdb")]
        self.process = Started(arguments, {}, self.directory / "clickhouse.log")
        eventually_sync(self._answers)

    def kill(self) -> None:
        """End as if by a crash."""
        assert self.process is not None
        self.process.kill()

    @contextmanager
    def refusing_inserts(self) -> Iterator[None]:
        """Have inserts refused while the block lasts, as by an overloaded server."""
        mark = self.directory / chdb_front.REFUSE
        mark.touch()
        try:
            yield
        finally:
            mark.unlink()

    def _answers(self) -> bool:
        with socket.create_connection((self.config.host, self.config.port), timeout=1):
            return True

    def held(self) -> Held:
        """Count what is there."""
        client = clickhouse_connect.get_client(host=self.config.host, port=self.config.port)
        try:
            [calls] = client.query(
                "SELECT count(), uniqExact(origin_edge, origin_seq), sum(cost_nanos) FROM tallygate.call_log"
            ).result_rows
            [requests] = client.query("SELECT count() FROM tallygate.request_log").result_rows
            return Held(int(calls[0]), int(calls[1]), int(calls[2]), int(requests[0]))
        finally:
            client.close()


class System:
    """A shipper, a worker and a sink; each can be ended and started again."""

    def __init__(self, settings: Settings, clickhouse: ClickHouse, stack: ExitStack) -> None:
        self.settings = settings
        self.clickhouse = clickhouse
        self.outbox = FilledOutbox(settings.outbox_dir)
        self.processes: dict[str, Started] = {}
        self.requests = 0
        self._stack = stack

    def start(self, name: str, instance: str = "") -> Started:
        """Start a process, or another instance of it."""
        log = self.settings.data_dir / f"{name}{instance}.log"
        process = start_run(MODULES[name], environment_of(self.settings), log)
        self.processes[name + instance] = self._stack.enter_context(process)
        return process

    def add_requests(self, count: int) -> None:
        """Put request events into the outbox."""
        self.outbox.add_all(request_event() for _ in range(count))
        self.requests += count

    async def progress(self) -> None:
        """Wait until ClickHouse holds more calls than now."""
        before = self.clickhouse.held().calls

        def more() -> bool:
            return self.clickhouse.held().calls > before

        await eventually(lambda: asyncio.to_thread(more), every_s=0.1)

    async def assert_exact(self) -> None:
        """Outbox, `llm.calls`, ClickHouse and `llm.usage` all tell the same."""
        count = len(self.outbox.responses)
        wanted = Held(count, count, count * CALL_COST_NANOS, self.requests)

        def complete() -> bool:
            return self.clickhouse.held() == wanted

        try:
            await eventually(lambda: asyncio.to_thread(complete), every_s=0.3)
        except AssertionError:
            assert self.clickhouse.held() == wanted
        kafka = self.settings.kafka
        totals = expected_totals(self.outbox.responses)

        async def totalled() -> bool:
            return await published_totals(kafka) == totals

        try:
            await eventually(totalled, every_s=0.3)
        except AssertionError:
            assert await published_totals(kafka) == totals
        assert len(await priced_calls(kafka)) == count
        assert self.clickhouse.held() == wanted
