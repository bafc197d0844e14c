"""The gate of the pipeline: each check in turn, the cheapest first."""

from collections.abc import Sequence

from tallygate.edge.steps import Arrival, Gate


class Checks:
    """A `Gate` made of others: a call passes all of them, or is refused by the first that says so."""

    def __init__(self, checks: Sequence[Gate]) -> None:
        self._checks = tuple(checks)

    async def admit(self, arrival: Arrival) -> None:
        """See `Gate`."""
        for check in self._checks:
            await check.admit(arrival)
