"""What the API needs of the accounting; who opens the application hands it in."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from tallygate.schemas.periods import Period
from tallygate.schemas.totals import Counters, Dimension

ZoneOf = Callable[[str], str]
"""A project's time zone, by its IANA name."""


class TotalsAsked(NamedTuple):
    """Which totals."""

    project: str
    dimension: Dimension
    name: str
    value: str | None
    """None: of every value, the costliest first."""
    period: Period | None
    """None: of all time."""
    start_us: int
    """Of the period."""
    limit: int


class LiveTotal(NamedTuple):
    """The sums of one value."""

    value: str
    counters: Counters
    last_seen_us: int | None
    """Of all time only."""


class NotReadyError(Exception):
    """The totals can't be read just now: to be asked for again soon."""


class TotalsSource(Protocol):
    """The running totals. Blocks; called from several threads."""

    def totals(self, asked: TotalsAsked) -> list[LiveTotal]:
        """At most `limit` of them, the costliest first.

        Raises:
            NotReadyError: see there.
        """
        ...


class Live(NamedTuple):
    """The totals, and whose hours and days their periods are."""

    source: TotalsSource
    zone_of: ZoneOf


def costliest(totals: list[LiveTotal], limit: int) -> list[LiveTotal]:
    """The first by cost, then by requests."""
    order = sorted(totals, key=lambda t: (-t.counters.cost_nanos, -t.counters.requests, t.value))
    return order[:limit]
