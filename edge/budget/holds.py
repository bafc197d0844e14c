"""What calls in flight may still cost, set aside from budgets that must not be overshot.

A hold is a call's worst case until the call has ended, and what it did cost from then on. It goes when the
accounting says that it has counted the call: then it is in what is spent. So spent and holds together are
never less than the truth, whatever the accounting lags behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class HoldStoreError(Exception):
    """The store can't be reached, or has no room: nothing can be promised."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the accounting said last of a budget in its present period."""

    nanos: int = 0
    version: int = -1
    applied: Mapping[str, int] = field(default_factory=dict)
    """Highest sequence number counted, by `<partition>/<edge>`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a call asks of one budget."""

    key: str
    """Digest of the budget, its group and its period: a store holds no name of a user."""
    limit: int
    worst: int
    spent: Spent


class Verdict(NamedTuple):
    """Whether every budget has room; then what is asked for is held by all, else by none."""

    allowed: bool
    taken: tuple[int, ...]
    """Of each budget: spent, and held by other calls."""


class Origin(NamedTuple):
    """The event by which the accounting knows a call."""

    place: str
    """`<partition>/<edge>`."""
    seq: int


class HoldStore(Protocol):
    """Holds shared by processes. Each call here is atomic."""

    async def hold(self, claims: Sequence[Claim], hold_id: str, expires_ms: int) -> Verdict:
        """Decide about a call, and hold its worst case. A hold that is never settled goes at `expires_ms`.

        Raises:
            HoldStoreError: nothing was decided. Something may be held.
        """
        ...

    async def settle(
        self, keys: Sequence[str], hold_id: str, cost: int, origin: Origin | None, expires_ms: int
    ) -> None:
        """The call has cost this; held until it is counted. Without an origin it is not going to be counted.

        Raises:
            HoldStoreError: the worst case may still be held.
        """
        ...
