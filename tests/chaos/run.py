"""One run: load, blows, and the reckoning."""

import asyncio
import sys

from tallygate.runtime.tasks import spawn
from tests.chaos import plan
from tests.chaos.fleet import Fleet
from tests.chaos.receiver import Receiver
from tests.chaos.reckoning import Reckoned, prepare, reckon
from tests.support.load import Load

PER_SECOND = 40.0
LAST_CALLS_S = 3.0
"""Calls go on for so long after the last blow."""


async def run(fleet: Fleet, receiver: Receiver, seed: int, count: int, every_s: float) -> Reckoned:
    """Make calls, strike, and compare every account; the seed and all that was done are printed."""
    rule_id = await asyncio.to_thread(prepare, fleet.gateway, receiver)
    planned = plan.blows(seed, count, sorted(fleet.blows), every_s)
    seconds = planned[-1].at_s + every_s + LAST_CALLS_S
    load = Load(fleet.gateway.url, int(seconds * PER_SECOND), PER_SECOND, seed=seed)
    calls = spawn(load.run(), name="load")
    done: list[str] = []
    loop = asyncio.get_running_loop()
    begin = loop.time()
    try:
        for blow in planned:
            await asyncio.sleep(max(0.0, begin + blow.at_s - loop.time()))
            done.append(await fleet.blows[blow.kind]())
        received = await calls
        await asyncio.to_thread(fleet.calm)
        reckoned = await reckon(fleet, received, receiver, rule_id)
    except BaseException:
        _tell(f"seed {seed}: FAILED\n{plan.table(planned, done)}")
        raise
    _tell(f"seed {seed}\n{plan.table(planned, done)}\n{reckoned}")
    return reckoned


def _tell(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()
