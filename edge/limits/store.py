"""What a store of windows must do, whoever shares it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

ClockMs = Callable[[], int]
"""Milliseconds since the Unix epoch, the same for all that share a store."""


def wall_clock_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class LimitStoreError(Exception):
    """The store can't be reached, or has no room: the configured policy decides about the call."""


class LimitKey(NamedTuple):
    """Names a window. Digests: a store holds no name of a user."""

    project: str
    window: str


@dataclass(frozen=True, slots=True)
class Demand:
    """What a call asks of one window."""

    key: LimitKey
    window_ms: int
    quota: int
    take: int
    """Taken if the call is allowed. With 0 it is allowed while the window is not used up: what it takes is
    charged when it is known."""

    @property
    def need(self) -> int:
        """The room that must be left."""
        return max(self.take, 1)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call turned out to take. Never refused: the call has happened."""

    key: LimitKey
    window_ms: int
    amount: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One window after the decision."""

    used: int
    wait_ms: int
    """Until a refused demand could be met, if nothing else were taken; 0: it is met."""
    oldest_leaves_ms: int
    """Until something that is used becomes free; 0: nothing is used."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one call: all its windows have room, or nothing was taken from any."""

    allowed: bool
    readings: tuple[Reading, ...]


class LimitStore(Protocol):
    """Windows shared by processes. Each call here is atomic: nobody sees or takes anything in between."""

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """Decide, and take from every window or from none. The demands' keys differ.

        Raises:
            LimitStoreError: nothing was decided. Something may have been taken.
        """
        ...

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Count what calls took. The charges' keys differ.

        Raises:
            LimitStoreError: it may not have been counted.
        """
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
