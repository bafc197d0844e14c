"""One audit: totals, then the store as of these totals, then the log as of them."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from tallygate.runtime.clickhouse import Target
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.audit.compare import (
    Audit,
    Figures,
    Marks,
    Stream,
    figures_of,
    of_log,
    of_totals,
)
from tallygate.stream_processors.audit.counting import LogCount
from tallygate.stream_processors.audit.stored import Stored


@dataclass(frozen=True, slots=True)
class Counted:
    """The running totals of one moment."""

    totals: tuple[UsageTotals, ...]
    dead: Mapping[Stream, Collection[int]]

    @property
    def marks(self) -> Marks:
        """Highest number counted of each stream."""
        marks: dict[Stream, int] = {}
        for each in self.totals:
            for edge, seq in each.applied.items():
                stream = (each.partition, edge)
                marks[stream] = max(seq, marks.get(stream, -1))
        return marks


class Books(Protocol):
    """What is compared, in one way to run. Blocks."""

    target: Target

    def counted(self) -> Counted:
        """The running totals.

        Raises:
            RetryableError: they can't be read just now.
        """
        ...

    def events(self) -> Iterator[tuple[Stream, int]]:
        """The calls' events in the log, as stream and number, in the order of each stream.

        Raises:
            RetryableError: it can't be read just now.
        """
        ...


def audit(books: Books) -> Audit:
    """Compare.

    Raises:
        RetryableError, StoreUnavailableError: something can't be read just now.
    """
    now_us = time.time_ns() // 1000
    counted = books.counted()
    marks = counted.marks
    stored = Stored(books.target)
    try:
        if behind := stored.lacking(marks):
            return Audit(now_us, Figures(), 0, (), f"the store is behind in {len(behind)} stream(s)")
        held = stored.counted(marks)
        count = LogCount(marks, counted.dead)
        for stream, seq in books.events():
            count.take(stream, seq)
        in_runs = stored.within(count.runs)
    finally:
        stored.close()
    differences = (*of_totals(figures_of(counted.totals), held), *of_log(count.runs, in_runs))
    return Audit(now_us, _whole(held.values()), sum(run.events for run in count.runs.values()), differences)


def _whole(figures: Iterable[Figures]) -> Figures:
    whole = Figures()
    for each in figures:
        whole = whole.plus(each)
    return whole
