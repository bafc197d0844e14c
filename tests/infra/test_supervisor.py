"""The supervisor over real processes: restarts, order of stopping, and no orphan left."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tallygate.infra.backoff import Backoff, BackoffPolicy
from tallygate.infra.process import StopSignals
from tallygate.infra.supervisor import UNUSABLE, ChildSpec, Supervisor, reason
from tallygate.runtime.tasks import spawn
from tests.support.wait import PATIENCE_S, eventually, eventually_sync

QUICK = BackoffPolicy(first_s=0.02, max_s=0.1, healthy_after_s=5.0)
CHILD = """
import os, signal, sys
path, name, conduct = sys.argv[1:4]
def note(word):
    with open(path, "a") as file:
        file.write(f"{name} {word} {os.getpid()}\\n")
def term(number, frame):
    note("term")
    if conduct != "stubborn":
        os._exit(0)
signal.signal(signal.SIGTERM, term)
note("start")
if conduct.startswith("exit"):
    os._exit(int(conduct[4:]))
while True:
    signal.pause()
"""


@dataclass
class Running:
    """A supervisor in this process, and what its children wrote."""

    signals: StopSignals
    journal: Path
    exit_codes: list[int]

    def lines(self, *words: str) -> list[list[str]]:
        """Lines of the journal that have all the words."""
        if not self.journal.exists():
            return []
        split = [line.split() for line in self.journal.read_text().splitlines()]
        return [line for line in split if set(words) <= set(line)]

    def pid(self, name: str, life: int = 0) -> int:
        """Process id of a life of a child."""
        starts = self.lines(name, "start")
        return int(starts[life][2]) if len(starts) > life else 0


@asynccontextmanager
async def supervised(
    directory: Path, *children: tuple[str, int, str], stop_s: float = 5.0
) -> AsyncIterator[Running]:
    """Children given as name, stage and conduct; asked to stop at the end of the block."""
    running = Running(StopSignals(), directory / "journal", [])
    specs = [ChildSpec(name, (name, conduct), stage) for name, stage, conduct in children]

    def launcher(arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-S", "-c", CHILD, str(running.journal), *arguments]

    supervisor = Supervisor(specs, QUICK, stop_s=stop_s, launcher=launcher)
    task = spawn(supervisor.run(running.signals), name="supervisor")
    try:
        yield running
    finally:
        running.signals.stop.set()
        running.exit_codes.append(await task)


async def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, ("edge", 0, "good"), ("core", 1, "good")) as running:
        first = await eventually(lambda: running.pid("edge"))
        core = await eventually(lambda: running.pid("core"))
        os.kill(first, signal.SIGKILL)
        second = await eventually(lambda: running.pid("edge", life=1))
    assert first != second
    assert len(running.lines("core", "start")) == 1
    assert running.exit_codes == [0]
    assert not any(psutil.pid_exists(pid) for pid in (first, second, core))


async def test_a_child_that_can_not_be_spawned_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    supervisor = Supervisor(
        [ChildSpec("edge", (), 0)], QUICK, stop_s=5.0, launcher=lambda _arguments: [str(program)]
    )
    signals = StopSignals()
    task = spawn(supervisor.run(signals), name="supervisor")
    await eventually(lambda: "can't be started" in caplog.text)
    started = tmp_path / "started"
    program.write_text(f"#!/bin/sh\ntouch {started}\nexec sleep 60\n")
    program.chmod(0o700)
    await eventually(started.exists)
    signals.stop.set()
    await task


async def test_late_ones_wait_until_the_others_are_ready(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    specs = [ChildSpec("first", ("first", "good")), ChildSpec("second", ("second", "good"), late=True)]
    running = Running(StopSignals(), journal, [])
    supervisor = Supervisor(
        specs, QUICK, launcher=lambda given: [sys.executable, "-S", "-c", CHILD, str(journal), *given]
    )
    task = spawn(supervisor.run(running.signals), name="supervisor")
    await eventually(lambda: running.pid("first"))
    assert not running.pid("second")
    supervisor.ready.set()
    await eventually(lambda: running.pid("second"))
    running.signals.ask()
    assert await task == 0
    assert len(running.lines("term")) == 2


async def test_stages_are_stopped_one_after_the_other(tmp_path: Path) -> None:
    children = (("core", 1, "good"), ("edge-0", 0, "good"), ("edge-1", 0, "good"))
    async with supervised(tmp_path, *children) as running:
        await eventually(lambda: len(running.lines("start")) == 3)
    terms = [line[0] for line in running.lines("term")]
    assert sorted(terms[:2]) == ["edge-0", "edge-1"]
    assert terms[2:] == ["core"]


async def test_who_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    async with supervised(tmp_path, ("edge", 0, "stubborn"), ("core", 1, "good"), stop_s=1.0) as running:
        pid = await eventually(lambda: running.pid("edge"))
        await eventually(lambda: running.pid("core"))
        begun = time.monotonic()
    assert time.monotonic() - begun < 4.0
    assert running.exit_codes == [1], "an end by force is not a clean one"
    assert len(running.lines("core", "term")) == 1, "the last stage still had its time"
    assert not psutil.pid_exists(pid)


async def test_asking_twice_kills_at_once(tmp_path: Path) -> None:
    async with supervised(tmp_path, ("edge", 0, "stubborn"), stop_s=60.0) as running:
        await eventually(lambda: running.pid("edge"))
        running.signals.ask()
        await eventually(lambda: running.lines("edge", "term"))
        running.signals.ask()
    assert running.exit_codes == [1]


async def test_a_child_that_says_it_is_misconfigured_ends_everything(tmp_path: Path) -> None:
    async with supervised(tmp_path, ("edge", 0, f"exit{UNUSABLE}"), ("core", 1, "good")) as running:
        await eventually(lambda: running.lines("edge", "start"))
    assert running.exit_codes == [UNUSABLE]
    assert len(running.lines("edge", "start")) == 1


async def test_a_child_that_keeps_failing_is_tried_again_and_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, ("edge", 0, "exit1")) as running:
        await eventually(lambda: len(running.lines("edge", "start")) >= 4)


def test_pauses_grow_and_start_over_after_a_healthy_life() -> None:
    backoff = Backoff(BackoffPolicy(first_s=0.2, factor=2.0, max_s=1.0, healthy_after_s=10.0))
    assert [backoff.after_death(0.1) for _ in range(5)] == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert backoff.after_death(11.0) == 0.2
    assert backoff.after_death(0.1) == 0.4


def test_exit_codes_in_words() -> None:
    assert reason(3) == "exit code 3"
    assert reason(-9) == "signal SIGKILL"


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from tallygate.infra import stack
from tallygate.infra.supervisor import ChildSpec
port = sys.argv[1]
child = ChildSpec("simulator", ("simulator", "--port", port))
endpoint = stack.Endpoint("simulator", "127.0.0.1", int(port), "--port")
ready = lambda took: print("ready", flush=True)
sys.exit(asyncio.run(stack.supervise([child], [endpoint], ready)))
"""


@pytest.fixture
def supervisor() -> subprocess.Popen[str]:
    """A supervisor in a process of its own, with a simulator below it that is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(port)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while (line := process.stdout.readline().strip()) != "ready":
        assert line or process.poll() is None
    return process


def test_no_orphan_is_left_when_the_supervisor_is_killed(supervisor: subprocess.Popen[str]) -> None:
    children = psutil.Process(supervisor.pid).children()
    assert len(children) == 1
    supervisor.kill()
    supervisor.communicate(timeout=PATIENCE_S)
    eventually_sync(lambda: not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_cleanly(supervisor: subprocess.Popen[str], number: signal.Signals) -> None:
    children = psutil.Process(supervisor.pid).children()
    supervisor.send_signal(number)
    supervisor.communicate(timeout=PATIENCE_S)
    assert supervisor.returncode == 0
    assert not children[0].is_running()
