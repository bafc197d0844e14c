"""What the three say, and where they differ. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tallygate.schemas.totals import UsageTotals

Stream = tuple[int, str]
"""A partition of the log, and an edge whose events are in it, in order."""


class Figures(NamedTuple):
    """What calls come to."""

    requests: int = 0
    unpriced: int = 0
    cost_nanos: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, other: "Figures") -> "Figures":
        """The sum."""
        return Figures(*(mine + more for mine, more in zip(self, other, strict=True)))


Marks = Mapping[Stream, int]
"""Highest sequence number that the totals have counted."""


class Run(NamedTuple):
    """A stretch of one stream that the log still has, up to what is counted."""

    first: int
    last: int
    events: int
    """Calls' events in it, those that became dead letters left out."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two of them do not agree."""

    where: str
    """`totals` against the store, or `log` against the store."""
    of: str
    """The project; or the partition and the edge."""
    figure: str
    said: int
    stored: int


@dataclass(frozen=True, slots=True)
class Audit:
    """A comparison's result."""

    at_us: int
    stored: Figures
    """In the store, of what is counted."""
    logged: int
    """Calls' events that the log still has, of what is counted."""
    differences: tuple[Difference, ...]
    waiting: str = ""
    """Why nothing could be compared: the store is behind."""

    @property
    def agrees(self) -> bool:
        """Whether it was compared, and everything is the same."""
        return not self.differences and not self.waiting


def figures_of(totals: Iterable[UsageTotals]) -> dict[str, Figures]:
    """Figures by project, of the totals of projects (others are parts of these)."""
    found: dict[str, Figures] = {}
    for each in totals:
        if each.dimension == "project":
            mine = Figures(*(getattr(each, name) for name in Figures._fields))
            found[each.project] = found.get(each.project, Figures()).plus(mine)
    return found


def of_totals(totals: Mapping[str, Figures], stored: Mapping[str, Figures]) -> Iterator[Difference]:
    """Where totals and store differ, by project."""
    for project in sorted({*totals, *stored}):
        mine, theirs = totals.get(project, Figures()), stored.get(project, Figures())
        for name, said, held in zip(Figures._fields, mine, theirs, strict=True):
            if said != held:
                yield Difference("totals", project, name, said, held)


def of_log(runs: Mapping[Stream, Run], stored: Mapping[Stream, int]) -> Iterator[Difference]:
    """Where log and store differ, by stream; `stored` counts the rows within each run."""
    for (partition, edge), run in sorted(runs.items()):
        held = stored.get((partition, edge), 0)
        if held != run.events:
            yield Difference("log", f"{partition}/{edge}", "requests", run.events, held)
