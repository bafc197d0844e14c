"""Starts processes, restarts those that die, and stops them in order.

Order of stopping: stage 0 first (edges: no new calls, those in flight are finished), then stage 1 (core,
shipper: they hand on what the edges have written). One deadline holds for all; who is left then is killed.
The processes are killed by the kernel if this one dies (`infra.process.die_with`), and only processes that
were started here are ever signalled.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tallygate.infra.backoff import Backoff, BackoffPolicy
from tallygate.infra.process import StopSignals
from tallygate.runtime.config import child_environment
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.tasks import spawn

log = logging.getLogger(__name__)

STOP_S = 9.5
"""SIGTERM to the last exit; below the 10 s after which an orchestrator kills."""
LATE_S = 3.0
"""After which late processes are started although the others are not ready."""
LAST_STAGE_S = 1.2
"""Of that, what is kept for the last stage even if an edge uses up all the rest."""
Launcher = Callable[[Sequence[str]], list[str]]
"""From the arguments of a child to its command line."""
CLEAN = {0, -signal.SIGTERM}
"""A process that was asked to end before it could set its handlers has done nothing yet."""
UNUSABLE = 2
"""Exit code of a process that says that its configuration is wrong: to start it again is no use."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A process to be kept running."""

    name: str
    arguments: tuple[str, ...]
    """Of the `tallygate` command."""
    stage: int = 0
    """Lower ones are stopped first."""
    environment: Mapping[str, str] = field(default_factory=dict)
    late: bool = False
    """Started only when the others are ready: it would take the cores from them."""


class Supervisor:
    """Keeps processes running until it is told to stop."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        policy: BackoffPolicy | None = None,
        *,
        stop_s: float = STOP_S,
        launcher: Launcher | None = None,
    ) -> None:
        self._children = [Child(spec, policy or BackoffPolicy(), launcher or command) for spec in specs]
        self._stop_s = stop_s
        self._stopping = asyncio.Event()
        self.ready = asyncio.Event()
        """To be set when the system is ready without the late ones."""
        self.exit_code = 0

    async def run(self, signals: StopSignals) -> int:
        """Run until a signal, or until a process says that it can't be used; return the exit code."""
        keepers = [spawn(self._keep(child), name=f"keep {child.spec.name}") for child in self._children]
        asked = spawn(signals.stop.wait(), name="stop signal")
        unusable = spawn(self._stopping.wait(), name="unusable")
        await asyncio.wait((asked, unusable), return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        await self._stop_all(signals)
        for task in (asked, unusable, *keepers):
            task.cancel()
        await asyncio.gather(asked, unusable, *keepers, return_exceptions=True)
        return self.exit_code

    @property
    def stopping(self) -> bool:
        """Whether the processes are being stopped."""
        return self._stopping.is_set()

    async def _keep(self, child: "Child") -> None:
        if child.spec.late:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ready.wait(), LATE_S)
        while not self.stopping:
            code, pause = await child.live()
            if self.stopping:
                return
            if code == UNUSABLE:
                log.error("%s can't run with this configuration; stopping", child.spec.name)
                self.exit_code = UNUSABLE
                self._stopping.set()
                return
            log.warning("%s ended (%s); starting it again in %.1f s", child.spec.name, reason(code), pause)
            await asyncio.sleep(pause)

    async def _stop_all(self, signals: StopSignals) -> None:
        deadline = Deadline.after(self._stop_s)
        stages = sorted({child.spec.stage for child in self._children})
        for stage in stages:
            here = [child for child in self._children if child.spec.stage == stage]
            reserve = 0.0 if stage == stages[-1] else min(LAST_STAGE_S, self._stop_s / 4)
            codes = await asyncio.gather(*(child.stop(deadline, reserve, signals.hurry) for child in here))
            if not set(codes) <= CLEAN and self.exit_code == 0:
                self.exit_code = 1


class Child:
    """One process, over all its lives."""

    def __init__(self, spec: ChildSpec, policy: BackoffPolicy, launcher: Launcher) -> None:
        self.spec = spec
        self._launcher = launcher
        self._backoff = Backoff(policy)
        self._process: asyncio.subprocess.Process | None = None

    async def live(self) -> tuple[int, float]:
        """Start it and wait for its end; return its exit code and the pause before the next life."""
        begun = time.monotonic()
        try:
            self._process = await self._spawn()
        except OSError as error:  # out of processes or memory: that may pass
            log.error("%s can't be started: %s", self.spec.name, error)  # noqa: TRY400 - nothing to trace
            return 1, self._backoff.after_death(0.0)
        log.info("%s started as process %d", self.spec.name, self._process.pid)
        code = await self._process.wait()
        return code, self._backoff.after_death(time.monotonic() - begun)

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._launcher(self.spec.arguments),
            env=child_environment(self.spec.environment),
            # A session of its own: Ctrl-C reaches the supervisor alone, which stops all in order.
            start_new_session=True,
        )

    async def stop(self, deadline: Deadline, reserve_s: float, hurry: asyncio.Event) -> int:
        """Ask it to end; kill it if it has not by then. Return its exit code, 0 if it did not run."""
        process = self._process
        if process is None or process.returncode is not None:
            return 0
        process.send_signal(signal.SIGTERM)
        ended = spawn(process.wait(), name=f"end of {self.spec.name}")
        hurried = spawn(hurry.wait(), name="hurry")
        timeout = max(0.0, deadline.remaining_s() - reserve_s)
        await asyncio.wait((ended, hurried), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not ended.done():
            log.warning("%s did not end in time; killed", self.spec.name)
            process.kill()
        return await ended


def command(arguments: Sequence[str]) -> list[str]:
    """Command line of a `tallygate` process that dies with this one."""
    return [sys.executable, "-m", "tallygate.infra.cli", "--parent", str(os.getpid()), *arguments]


def reason(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
