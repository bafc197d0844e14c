"""`kill -9` in the middle of load: every answered call is there, once, to the nano-dollar."""

import asyncio
import os
import signal

import psutil
import pytest

from tallygate.runtime.tasks import spawn
from tests.end_to_end.accounts import assert_accounts_equal
from tests.end_to_end.conftest import Embedded
from tests.end_to_end.stack import children
from tests.support.load import Load, Received
from tests.support.wait import eventually

CALLS = 2000
PER_SECOND = 200.0


async def load_with_kill(system: Embedded, victim: str) -> Received:
    """Run the load; in the middle of it kill one process whose command line has a word."""
    load = spawn(Load(system.gateway.url, CALLS, PER_SECOND).run(), name="load")
    await asyncio.sleep(CALLS / PER_SECOND / 2)
    pids = children(system.process, victim)
    assert pids, system.process.tail()
    os.kill(pids[0], signal.SIGKILL)
    return await load


@pytest.mark.timeout(300)
async def test_the_core_is_killed(embedded: Embedded) -> None:
    received = await load_with_kill(embedded, "core")
    assert received.failed == {}, "the core is not on a call's way"
    await assert_accounts_equal(embedded.gateway, received)
    assert len(received.cost_nanos) == CALLS


@pytest.mark.timeout(300)
async def test_an_edge_worker_is_killed(embedded: Embedded) -> None:
    received = await load_with_kill(embedded, "edge-worker")
    assert len(received.cost_nanos) > CALLS * 0.9
    await assert_accounts_equal(embedded.gateway, received)


@pytest.mark.timeout(300)
async def test_everything_is_killed_at_once(embedded: Embedded) -> None:
    load = spawn(Load(embedded.gateway.url, 600, PER_SECOND).run(), name="load")
    await asyncio.sleep(1.5)
    pids = children(embedded.process, "tallygate.infra.cli")
    embedded.process.kill()
    received = await load

    def gone() -> bool:
        return not [pid for pid in pids if psutil.pid_exists(pid)]

    await eventually(gone)
    await asyncio.to_thread(embedded.start)
    assert received.cost_nanos
    await assert_accounts_equal(embedded.gateway, received)
