"""A circuit breaker: stops calling a deployment that fails, and asks now and then whether it is back.

It opens on failures in a row, or on a share of failures within a sliding window; after a pause it lets a few
probes through: they close it again, or the pause doubles. A failure is what says that the deployment is
unwell: no connection, a time-out, a 5xx. A 429 is not one (the deployment is well and says so); it makes the
deployment rest until its `retry-after`, so that others are preferred meanwhile.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

BreakerState = Literal["closed", "open", "half-open"]
_SLICES = 10


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to open, and for how long."""

    consecutive_failures: int = 5
    error_rate: float = 0.5
    min_calls: int = 20
    """The error rate counts only from this many calls within the window on."""
    window_ms: int = 30_000
    pause_ms: int = 5_000
    max_pause_ms: int = 60_000
    probes: int = 1
    """Calls let through at once while half-open, and successes needed to close."""
    probe_timeout_ms: int = 60_000
    """A probe that never reports gives its place back after this."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call. Report on it once, by `Breaker.succeeded`, `failed` or `released`."""

    era: int
    """How often the breaker had changed its state: what was permitted before says nothing about now."""
    number: int


class Breaker:
    """One deployment's breaker. Times are milliseconds of one clock that does not go back."""

    def __init__(self, policy: BreakerPolicy | None = None) -> None:
        self._policy = policy or BreakerPolicy()
        self._state: BreakerState = "closed"
        self._era = 0
        self._permits = 0
        self._in_a_row = 0
        self._slices: deque[list[int]] = deque()
        self._open_until_ms = 0
        self._rest_until_ms = 0
        self._pause_ms = self._policy.pause_ms
        self._probes: dict[int, int] = {}
        self._probe_successes = 0

    def state(self, now_ms: int) -> BreakerState:
        """The state at a time."""
        if self._state == "open" and now_ms >= self._open_until_ms:
            return "half-open"
        return self._state

    def available(self, now_ms: int) -> bool:
        """Whether `acquire` would grant a call."""
        state = self.state(now_ms)
        if state != "half-open":
            return state == "closed"
        return len(self._live_probes(now_ms)) < self._policy.probes

    def resting(self, now_ms: int) -> bool:
        """Whether the provider has asked for calls to stay away for a while."""
        return now_ms < self._rest_until_ms

    def wakes_ms(self, now_ms: int) -> int:
        """When calls may go again: now, or the end of the pause or rest."""
        return max(now_ms, self._open_until_ms if self._state == "open" else 0, self._rest_until_ms)

    def acquire(self, now_ms: int) -> Permit | None:
        """Ask for leave to make a call; None: not now."""
        if not self.available(now_ms):
            return None
        self._permits += 1
        if self.state(now_ms) == "half-open":
            if self._state == "open":
                self._enter("half-open")
            self._probes = self._live_probes(now_ms)
            self._probes[self._permits] = now_ms + self._policy.probe_timeout_ms
        return Permit(self._era, self._permits)

    def succeeded(self, permit: Permit, now_ms: int) -> None:
        """The deployment answered, be it with a refusal of its own (4xx)."""
        if permit.era != self._era:
            return
        if self._state == "half-open":
            self._probes.pop(permit.number, None)
            self._probe_successes += 1
            if self._probe_successes >= self._policy.probes:
                self._enter("closed")
                self._pause_ms = self._policy.pause_ms
            return
        self._in_a_row = 0
        self._count(now_ms, failed=False)

    def failed(self, permit: Permit, now_ms: int, *, retry_after_ms: int | None = None) -> None:
        """The deployment is unwell."""
        if permit.era != self._era:
            return
        if self._state == "half-open":
            self._pause_ms = min(2 * self._pause_ms, self._policy.max_pause_ms)
            self._open(now_ms, retry_after_ms)
            return
        self._in_a_row += 1
        self._count(now_ms, failed=True)
        if self._in_a_row >= self._policy.consecutive_failures or self._rate_exceeded(now_ms):
            self._open(now_ms, retry_after_ms)

    def released(self, permit: Permit) -> None:
        """The call ended without a verdict: its caller left, or it was never made."""
        self._probes.pop(permit.number, None)

    def rest(self, now_ms: int, retry_after_ms: int) -> None:
        """The provider asked for calls to stay away, by a 429 with `retry-after`."""
        self._rest_until_ms = max(self._rest_until_ms, now_ms + retry_after_ms)

    def _open(self, now_ms: int, retry_after_ms: int | None) -> None:
        self._enter("open")
        self._open_until_ms = now_ms + max(self._pause_ms, retry_after_ms or 0)

    def _enter(self, state: BreakerState) -> None:
        self._state = state
        self._era += 1
        self._in_a_row = 0
        self._probe_successes = 0
        self._probes.clear()
        self._slices.clear()

    def _live_probes(self, now_ms: int) -> dict[int, int]:
        return {number: until for number, until in self._probes.items() if until > now_ms}

    def _count(self, now_ms: int, *, failed: bool) -> None:
        """Count into the window's newest slice: [its number, calls, failures]."""
        number = now_ms * _SLICES // self._policy.window_ms
        if not self._slices or self._slices[-1][0] < number:
            self._slices.append([number, 0, 0])
        self._slices[-1][1] += 1
        self._slices[-1][2] += failed

    def _rate_exceeded(self, now_ms: int) -> bool:
        oldest = now_ms * _SLICES // self._policy.window_ms - _SLICES
        while self._slices and self._slices[0][0] <= oldest:
            self._slices.popleft()
        calls = sum(each[1] for each in self._slices)
        failures = sum(each[2] for each in self._slices)
        return calls >= self._policy.min_calls and failures >= self._policy.error_rate * calls
