"""A process's main: one event loop, ended by SIGTERM or SIGINT within a deadline."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable

from tallygate.runtime.tasks import spawn

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 8.0
"""A supervisor kills after 10 s; what is not confirmed by then is done again after the next start."""
GAVE_UP = 3
"""Exit code of a process that did not come to its end in time."""


def run_until_signalled(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main(stop)` until it returns; a signal sets `stop`; after the deadline the process ends.

    Raises:
        Exception: whatever `main` raised.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_guarded(main))


async def _guarded(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = spawn(_await(main, stop), name="main")
    stopping = spawn(stop.wait(), name="signal")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            await asyncio.wait({running}, timeout=STOP_TIMEOUT_S)
        if not running.done():
            log.warning("not stopped after %.0f s: giving up what is under way", STOP_TIMEOUT_S)
            logging.shutdown()
            os._exit(GAVE_UP)  # a thread that waits for a dead server would hold up an orderly exit
        running.result()
    finally:
        stopping.cancel()


async def _await(main: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    await main(stop)
