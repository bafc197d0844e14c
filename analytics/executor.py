"""Runs blocking queries in a few threads, each with a connection of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tallygate.analytics.errors import RequestError

T = TypeVar("T")

THREADS = 4
CANCEL_PAUSE_S = 0.05
MAX_WAITING = 64
"""Beyond this a caller gets 503 at once: the queue is longer than anybody waits."""


class QueryExecutor:
    """A bounded queue before a bounded number of threads."""

    def __init__(self, threads: int = THREADS, max_waiting: int = MAX_WAITING) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="query")
        self._limit = threads + max_waiting
        self._taken = 0
        self._ending = False

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread.

        Raises:
            RequestError: 503 if too many wait already, or the process is ending.
        """
        if self._ending:
            raise RequestError(503, "shutting_down", "this process is ending; try again soon")
        if self._taken >= self._limit:
            raise RequestError(503, "too_many_queries", "too many queries wait already; try again soon")
        self._taken += 1
        future = self._threads.submit(work)
        # Counted until it has ended, not until its caller has given up: a thread can't be stopped.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._ended))
        return await asyncio.wrap_future(future)

    async def end(self, cancel: Callable[[], None]) -> None:
        """Take nothing more, drop what waits, and call `cancel` in a thread until nothing runs.

        More than once: work that is between two statements has nothing to be cancelled.
        """
        self._ending = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        while self._taken:
            await asyncio.to_thread(cancel)
            await asyncio.sleep(CANCEL_PAUSE_S)

    def close(self) -> None:
        """Drop what waits, and wait for what runs: at most the time limit of a query."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _ended(self) -> None:
        self._taken -= 1
