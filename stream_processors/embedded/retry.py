"""Trying again until it works, or until a stop has waited long enough."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from tallygate.runtime.deadline import Deadline
from tallygate.stream_processors.errors import RetryableError

log = logging.getLogger(__name__)
T = TypeVar("T")


class GaveUpError(Exception):
    """Stopped before something unavailable came back."""


class Retrier:
    """Repeats actions with growing pauses. Once `stop` is set, for `drain_s` more at most."""

    def __init__(self, stop: threading.Event, *, first_s: float, last_s: float, drain_s: float) -> None:
        self._stop = stop
        self._first_s = first_s
        self._last_s = last_s
        self._drain_s = drain_s
        self._deadline: Deadline | None = None
        self.failures = 0
        """Times that an action had to be repeated."""

    def until_done(self, action: Callable[[], T]) -> T:
        """Do something, again and again while it raises a `RetryableError`.

        Raises:
            GaveUpError: stopped, and the time is up.
        """
        pause_s = self._first_s
        while True:
            try:
                return action()
            except RetryableError as error:
                self.failures += 1
                log.warning("trying again in %.1f s: %s", pause_s, error)
                if self.expired():
                    raise GaveUpError(str(error)) from error
            self._pause(pause_s)
            pause_s = min(2 * pause_s, self._last_s)

    def expired(self) -> bool:
        """Whether the time to finish after `stop` is up."""
        if not self._stop.is_set():
            return False
        self._deadline = self._deadline or Deadline.after(self._drain_s)
        return self._deadline.expired()

    def _pause(self, seconds: float) -> None:
        if self._stop.is_set():  # waiting on it would not wait
            threading.Event().wait(
                seconds if self._deadline is None else min(seconds, self._deadline.remaining_s())
            )
        else:
            self._stop.wait(seconds)
