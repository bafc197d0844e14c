"""What a call took, for limits in tokens and cents: asked of whoever keeps the accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Amounts:
    """What one call took."""

    tokens: int = 0
    """Input and output."""
    cost_nanos: int = 0
    known: bool = True
    """False: it could not be found out."""


NOTHING = Amounts()


class CallMeter(Protocol):
    """The edge knows no prices: this is handed in by whoever puts the processes together."""

    async def measure(self, event: Mapping[str, Any]) -> Amounts:
        """What the call of a response event took; nothing for what can't be counted or priced.

        Must not block the event loop, and never raises.
        """
        ...


class NoMeter:
    """Counts nothing."""

    async def measure(self, event: Mapping[str, Any]) -> Amounts:
        """See `CallMeter`."""
        return NOTHING
