"""Waiting on a condition with a deadline, instead of sleeping."""

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

PATIENCE_S = 120.0
"""What never takes so long, however busy the machine. A shorter deadline is a promise of the product."""
LONGEST_PAUSE_S = 0.25
"""Checks grow seldom: who asks all the time keeps what it waits for from its work."""


@overload
async def eventually(
    check: Callable[[], Awaitable[T]], *, within_s: float = ..., every_s: float = ...
) -> T: ...
@overload
async def eventually(check: Callable[[], T], *, within_s: float = ..., every_s: float = ...) -> T: ...
async def eventually(check: Callable[[], Any], *, within_s: float = PATIENCE_S, every_s: float = 0.02) -> Any:
    """Call `check` until it returns something true, and return that.

    Raises:
        AssertionError: it did not within the time; tells its last value or error.
    """
    deadline = time.monotonic() + within_s
    last: Any = None
    while True:
        try:
            found = check()
            value = await found if inspect.isawaitable(found) else found
            if value:
                return value
            last = value
        except Exception as error:  # noqa: BLE001 - any error may be the state of "not yet"
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; the last was {last!r}")
        await asyncio.sleep(every_s)
        every_s = _next_pause(every_s)


def eventually_sync(check: Callable[[], T], *, within_s: float = PATIENCE_S, every_s: float = 0.02) -> T:
    """As `eventually`, for code without a loop."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    last: Any = None
    while True:
        try:
            value = check()
            if value:
                return value
            last = value
        except Exception as error:  # noqa: BLE001 - as above
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; the last was {last!r}")
        pause.wait(every_s)
        every_s = _next_pause(every_s)


def _next_pause(pause_s: float) -> float:
    return max(pause_s, min(1.5 * pause_s, LONGEST_PAUSE_S))
