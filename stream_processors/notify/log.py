"""Where deliveries are kept, as the notifier needs it; the control store implements it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tallygate.schemas.deliveries import Added, Claimed, Outgoing, Tried


class DeliveryLog(Protocol):
    """Deliveries, each known once. Blocks; safe to use from several threads.

    Every method raises `RetryableError` while the store can't be used: nothing was changed then.
    """

    def add(self, outgoing: Sequence[Outgoing], *, source: str = "", position: int = -1) -> Added:
        """Keep what is to be told, with the position that its source was read to, in one transaction.

        What is known already is left as it is.
        """
        ...

    def position(self, source: str) -> int:
        """How far a source was read; -1 if it wasn't."""
        ...

    def claim(
        self,
        owner: str,
        *,
        now_us: int,
        until_us: int,
        limit: int,
        calls: int,
        room: Mapping[str, int],
        per_channel: int,
    ) -> Sequence[Claimed]:
        """Take deliveries that are due, alerts first; nobody else gets them before `until_us`.

        Args:
            owner: this process, among all that there are.
            calls: at most so many of them are records of calls.
            room: of channels where this process has deliveries under way: how many more it takes.
            per_channel: of the others.
        """
        ...

    def record(self, owner: str, tried: Sequence[Tried]) -> None:
        """Note what came of tries. Of those that aren't this owner's any more, nothing is changed."""
        ...

    def release(self, owner: str) -> None:
        """Give back what an owner has claimed and not recorded, for others to take at once."""
        ...

    def turn_off(self, channel_ids: Collection[str], reason: str) -> None:
        """Turn channels off whose receivers want nothing more."""
        ...

    def prune(self, before_us: int) -> int:
        """Remove finished deliveries that were made before a time; return their number."""
        ...

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Deliveries by kind and state."""
        ...
