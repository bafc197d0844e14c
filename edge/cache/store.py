"""What a store of answers must do, whoever shares it."""

from dataclasses import dataclass
from typing import Literal, Protocol


class CacheStoreError(Exception):
    """The store can't be reached, or has no room: the call goes to the provider, and nothing is saved."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be stored."""

    max_bytes: int = 1 << 30
    max_entries: int = 100_000
    max_entry_bytes: int = 4 << 20


LeaseState = Literal["running", "stored", "uncacheable", "gone"]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to make the call of a key, as somebody holds it."""

    token: str
    state: LeaseState
    """`running`: wait. `stored`: the answer is in `slot`. `uncacheable`: there is an answer that can't be
    shared. `gone`: whoever held it ended without one, crashed, or made way for another."""
    slot: int = 0


class CacheStore(Protocol):
    """Answers and leases, shared by processes. Times are milliseconds since the Unix epoch."""

    async def lookup(
        self, key: bytes, slots: int, *, oldest_ms: int, now_ms: int, share: float
    ) -> bytes | None:
        """An answer, if `slots` of them are held that have not expired and were made at `oldest_ms` or later.

        Fewer are none: the bucket has yet to be filled. `share` (0 to 1) chooses among them.

        Raises:
            CacheStoreError: it can't be told.
        """
        ...

    async def slot(self, key: bytes, slot: int, *, now_ms: int) -> bytes | None:
        """The answer of one slot, if it has not expired.

        Raises:
            CacheStoreError: it can't be told.
        """
        ...

    async def put(self, key: bytes, slots: int, data: bytes, *, now_ms: int, expires_ms: int) -> int:
        """Store an answer in a free slot, or in that of the oldest, and return which.

        What was longest not used is deleted until the bounds hold.

        Raises:
            CacheStoreError: it was not stored, or not surely.
        """
        ...

    async def acquire(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> Lease:
        """Take the lease of a key unless another's is running; the lease that holds now.

        Raises:
            CacheStoreError: it can't be told.
        """
        ...

    async def renew(self, key: bytes, token: str, *, now_ms: int, ttl_ms: int) -> bool:
        """Make one's running lease last longer; False if it is no longer one's own.

        Raises:
            CacheStoreError: it can't be told.
        """
        ...

    async def finish(self, key: bytes, token: str, state: LeaseState, slot: int, *, now_ms: int) -> None:
        """End one's lease, leaving word for `NOTICE_MS`. Nothing happens if it is no longer one's own.

        Raises:
            CacheStoreError: it may run until it expires.
        """
        ...

    async def watch(self, key: bytes, token: str, *, now_ms: int) -> Lease:
        """What has become of somebody's lease.

        Raises:
            CacheStoreError: it can't be told.
        """
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


NOTICE_MS = 5_000
"""How long an ended lease tells of its end: well beyond the followers' polling."""
