"""What a batch of the embedded run adds to totals and rules."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tallygate.schemas.deliveries import Outgoing
from tallygate.schemas.records import Call
from tallygate.schemas.rules import RuleBook
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.notify.selector import CallSelector
from tallygate.stream_processors.rules import Changes, RuleCounter
from tallygate.stream_processors.rules.backfill import BackfillAsked, BackfillRow
from tallygate.stream_processors.usage import Deltas
from tallygate.stream_processors.usage.tally import fact_of

Rules = Callable[[], RuleBook]
"""The rules in force now. Asked with every batch, so it must be cheap."""
Clock = Callable[[], int]


def now_us() -> int:
    """The time in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Counted:
    """What is to be added to the totals, the rules' new sums, and calls that are to be told."""

    deltas: Deltas
    rules: Changes = field(default_factory=Changes)
    outgoing: Sequence[Outgoing] = ()


class Accounting:
    """Counts; its user writes what came of it, whole, before it counts the next batch."""

    def __init__(
        self, rules: Rules, held: Iterable[RuleTotals], partition: int, clock: Clock = now_us
    ) -> None:
        self._rules = rules
        self._counter = RuleCounter(partition, held)
        self._selector = CallSelector(rules)
        self._clock = clock

    def count(self, calls: Sequence[Call], before: Mapping[str, int], after: Mapping[str, int]) -> Counted:
        """Count calls that were not counted yet; `before` and `after` them, up to these numbers all are."""
        now = self._clock()
        book = self._rules()
        deltas = Deltas(book.time_zone, now)
        changes = self._counter.follow(book, before, now)
        facts = [(call, fact_of(call)) for call in calls]
        for call, fact in facts:
            deltas.add(call, fact)
        rules = changes.then(self._counter.count(facts, after))
        return Counted(deltas, rules, self._selector.outgoing(calls))

    def pending(self) -> list[BackfillAsked]:
        """Rules that lack what was counted before them."""
        return self._counter.pending(self._clock())

    def add_backfill(self, asked: BackfillAsked, rows: Iterable[BackfillRow]) -> Counted:
        """What the store knows of the time before a rule."""
        now = self._clock()
        return Counted(Deltas(self._rules().time_zone, now), self._counter.add_backfill(asked, rows, now))
