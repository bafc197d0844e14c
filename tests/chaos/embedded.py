"""`tallygate up`, whose processes are killed and frozen, and whose disk gets full."""

import asyncio
import random
from pathlib import Path

from tallygate.infra.kafka.dev_broker import free_port
from tallygate.stream_processors.embedded import read_totals
from tallygate.stream_processors.replay.log import EventLog, Span
from tallygate.stream_processors.replay.outbox_log import OutboxLog
from tests.chaos.fleet import QUIET_S, Blows, environment, freeze_child, kill_child
from tests.chaos.receiver import Receiver
from tests.end_to_end.stack import Gateway, command, wait_ready
from tests.support import small_disk
from tests.support.accounts import Account, Key
from tests.support.processes import Started

OUTBOX_DISK_KIB = 256 * 1024


class EmbeddedFleet:
    """A `Fleet` of one machine."""

    def __init__(self, simulator: str, directory: Path, receiver: Receiver, seed: int) -> None:
        ports = (free_port(), free_port())
        self._chance = random.Random(seed)
        self._directory = directory
        self._data = directory / "data"
        self._env = environment(simulator, directory, ports, receiver) | {
            "TALLYGATE_DATA_DIR": str(self._data)
        }
        self.gateway = Gateway(*ports)
        reason = small_disk.mount(self._data / "outbox", OUTBOX_DISK_KIB)
        self._disk = not reason
        if reason:
            print(f"the blow of a full disk is left out: {reason}")
        self._process: Started | None = None

    @property
    def blows(self) -> Blows:
        """See `Fleet`."""
        found: dict[str, object] = {
            "kill edge worker": self._kill_edge,
            "kill core": self._kill_core,
            "freeze core": self._freeze_core,
            "freeze edge worker": self._freeze_edge,
            "kill everything": self._kill_all,
        }
        if self._disk:
            found["outbox's disk full"] = self._fill_disk
        return found  # type: ignore[return-value]

    def calm(self) -> None:
        """See `Fleet`: the supervisor has started again what died."""
        wait_ready(self.gateway, self._up)

    def log(self) -> EventLog:
        """See `Fleet`."""
        return OutboxLog(self._data / "outbox", Span())

    async def totals(self) -> dict[Key, Account]:
        """See `Fleet`."""
        found = await asyncio.to_thread(read_totals, self._data / "state.db")
        return {(t.project, t.dimension, t.name, t.value): Account(t.requests, t.cost_nanos) for t in found}

    def stop(self) -> None:
        """See `Fleet`."""
        assert self._up.stop(within_s=20) == 0, self._up.tail()

    def clear(self) -> None:
        """See `Fleet`."""
        if self._process is not None:
            self._process.__exit__(None, None, None)
        if self._disk:
            small_disk.unmount(self._data / "outbox")

    def start(self) -> None:
        """See `Fleet`."""
        self._process = command("up", env=self._env, log=self._directory / "up.log")
        wait_ready(self.gateway, self._process, within_s=120)

    @property
    def _up(self) -> Started:
        assert self._process is not None
        return self._process

    async def _kill_edge(self) -> str:
        return kill_child(self._up, "edge-worker", self._chance)

    async def _kill_core(self) -> str:
        return kill_child(self._up, "core", self._chance)

    async def _freeze_core(self) -> str:
        return await freeze_child(self._up, "core", self._chance)

    async def _freeze_edge(self) -> str:
        return await freeze_child(self._up, "edge-worker", self._chance)

    async def _kill_all(self) -> str:
        pid = self._up.pid
        self._up.kill()
        await asyncio.to_thread(self.start)
        return f"supervisor {pid} and all below it"

    async def _fill_disk(self) -> str:
        """Nothing more can be appended to the outbox: calls are refused, as `full_policy` says."""
        with small_disk.filled(self._data / "outbox") as taken_bytes:
            await asyncio.sleep(QUIET_S)
        return f"{taken_bytes // 1024} KiB taken, {QUIET_S:.0f} s"
