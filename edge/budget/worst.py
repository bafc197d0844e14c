"""What a call may cost at worst, asked of whoever keeps the accounts: the edge knows no prices."""

from dataclasses import dataclass
from typing import Protocol

from tallygate.edge.budget.bounds import Bounds


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call before it is made."""

    project: str
    method: str
    endpoint: str
    at_us: int
    stops: tuple[tuple[str, str], ...]
    """Provider and model of every try that may be made."""
    bounds: Bounds | None
    """None: there are none."""
    model_override: str = ""


class WorstCases(Protocol):
    """Handed in by whoever puts the processes together."""

    async def worst(self, planned: PlannedCall) -> int | None:
        """Nano-dollars that the call costs at most; None if that can't be said.

        Must not block the event loop, and never raises.
        """
        ...


class NoPrices:
    """Can't say."""

    async def worst(self, planned: PlannedCall) -> int | None:
        """See `WorstCases`."""
        return None
