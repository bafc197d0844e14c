"""A question to the store of calls: what a rule would have counted of the calls before it began."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from tallygate.schemas.rules import Rule
from tallygate.stream_processors.usage.tally import Tally


class BackfillAsked(NamedTuple):
    """Sums by group and bucket of one partition's calls that were counted when the rule began."""

    rule: Rule
    partition: int
    marks: Mapping[str, int]
    """By edge id: only calls up to this number, and of no other edge."""
    bucket_starts_us: tuple[int, ...]
    """Growing. A call counts in the last that is not after its arrival; one before the first, nowhere."""


class BackfillRow(NamedTuple):
    """The sums of one group in one bucket."""

    group: str
    bucket_start_us: int
    tally: Tally


class PastCalls(Protocol):
    """Who can tell, in the store of calls. Used by one thread at a time."""

    def held(self, partition: int) -> Mapping[str, int]:
        """What the store holds of a partition: the highest number, by edge id.

        Raises:
            StoreUnavailableError: to be asked again later.
        """
        ...

    def sums(self, asked: BackfillAsked) -> list[BackfillRow]:
        """Sums of the calls that are held. They are all that is asked for only once the store holds the
        marks.

        Raises:
            StoreUnavailableError: to be asked again later.
        """
        ...
