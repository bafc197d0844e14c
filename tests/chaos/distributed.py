"""The distributed run on one machine: real Kafka, two Faust workers, ClickHouse's engine behind HTTP."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from tallygate.infra.kafka.dev_broker import DevBroker, free_port
from tallygate.runtime.config import KafkaConfig
from tallygate.stream_processors.replay.kafka_log import KafkaLog
from tallygate.stream_processors.replay.log import EventLog, Span
from tests.chaos.fleet import QUIET_S, Blows, environment, kill_child
from tests.chaos.receiver import Receiver
from tests.end_to_end.stack import Gateway, command, wait_ready
from tests.support.accounts import Account, Key, published_totals
from tests.support.distributed_system import ClickHouse
from tests.support.processes import Started

SERVICES = {
    "edge": "edge",
    "worker-1": "worker",
    "worker-2": "worker",
    "sink": "sink",
    "budgets": "budgets",
    "notify": "notify",
    "api": "api",
}
"""By name of the instance: its command."""


class DistributedFleet:
    """A `Fleet` of every process of the distributed run."""

    def __init__(
        self,
        simulator: str,
        broker: DevBroker,
        clickhouse: ClickHouse,
        directory: Path,
        receiver: Receiver,
        seed: int,
    ) -> None:
        ports = (free_port(), free_port())
        self._chance = random.Random(seed)
        self._directory = directory
        self._broker = broker
        self._clickhouse = clickhouse
        self._kafka = KafkaConfig(bootstrap_servers=broker.bootstrap_servers, session_timeout_ms=3000)
        self._env = environment(simulator, directory, ports, receiver) | {
            "TALLYGATE_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "TALLYGATE_KAFKA__SESSION_TIMEOUT_MS": "3000",
            "TALLYGATE_CLICKHOUSE__PORT": str(clickhouse.config.port),
        }
        self.gateway = Gateway(*ports)
        self._running: dict[str, Started] = {}

    def start(self) -> None:
        """See `Fleet`."""
        for name in SERVICES:
            self._start(name)
        wait_ready(self.gateway, self._running["api"], within_s=120)

    @property
    def blows(self) -> Blows:
        """See `Fleet`."""
        return {
            "kill edge worker": self._child("edge-worker"),
            "kill shipper": self._child("shipper"),
            "kill Faust worker": self._restart("worker-1", "worker-2"),
            "freeze Faust worker": self._freeze("worker-1", "worker-2"),
            "kill sink": self._restart("sink"),
            "freeze sink": self._freeze("sink"),
            "kill budgets": self._restart("budgets"),
            "kill notify": self._restart("notify"),
            "kill broker": self._kill_broker,
            "broker away": self._broker_away,
            "kill ClickHouse": self._kill_clickhouse,
            "ClickHouse refuses inserts": self._refuse_inserts,
        }

    def calm(self) -> None:
        """See `Fleet`."""
        for name, process in self._running.items():
            assert process.exit_code is None, f"{name} has ended:\n{process.tail()}"
        wait_ready(self.gateway, self._running["api"], within_s=60)

    def log(self) -> EventLog:
        """See `Fleet`."""
        return KafkaLog(self._kafka, Span())

    async def totals(self) -> dict[Key, Account]:
        """See `Fleet`."""
        return await published_totals(self._kafka)

    def stop(self) -> None:
        """See `Fleet`."""
        codes = {name: process.stop(within_s=20) for name, process in self._running.items()}
        assert set(codes.values()) == {0}, codes

    def clear(self) -> None:
        """See `Fleet`."""
        for process in self._running.values():
            process.__exit__(None, None, None)

    def _start(self, name: str) -> None:
        env = self._env | {"TALLYGATE_DATA_DIR": str(self._directory / name)}
        self._running[name] = command(SERVICES[name], env=env, log=self._directory / f"{name}.log")

    def _child(self, word: str) -> Callable[[], Awaitable[str]]:
        async def kill() -> str:
            return kill_child(self._running["edge"], word, self._chance)

        return kill

    def _restart(self, *names: str) -> Callable[[], Awaitable[str]]:
        async def kill() -> str:
            name = self._chance.choice(names)
            pid = self._running[name].pid
            await asyncio.to_thread(self._running[name].kill)
            self._start(name)
            return f"{name}, process {pid}"

        return kill

    def _freeze(self, *names: str) -> Callable[[], Awaitable[str]]:
        async def freeze() -> str:
            """Long enough that its partitions are given away; then it goes on, and may not write."""
            name = self._chance.choice(names)
            process = self._running[name]
            process.pause()
            await asyncio.sleep(QUIET_S + 2)
            process.resume()
            await asyncio.sleep(1)
            if (
                process.exit_code is not None
            ):  # it saw that it was replaced, and left: an orchestrator's affair
                self._start(name)
            return f"{name}, process {process.pid}, {QUIET_S + 2:.0f} s"

        return freeze

    async def _kill_broker(self) -> str:
        await asyncio.to_thread(self._broker.kill)
        await asyncio.to_thread(self._broker.start)
        return "the only broker"

    async def _broker_away(self) -> str:
        await asyncio.to_thread(self._broker.stop)
        await asyncio.sleep(QUIET_S)
        await asyncio.to_thread(self._broker.start)
        return f"the only broker, {QUIET_S:.0f} s"

    async def _kill_clickhouse(self) -> str:
        assert self._clickhouse.process is not None
        pid = self._clickhouse.process.pid
        await asyncio.to_thread(self._clickhouse.kill)
        await asyncio.to_thread(self._clickhouse.start)
        return f"process {pid}"

    async def _refuse_inserts(self) -> str:
        with self._clickhouse.refusing_inserts():
            await asyncio.sleep(QUIET_S)
        return f"{QUIET_S:.0f} s"
