"""What the rules in force have counted of one partition, in memory.

Sums only grow, by calls that were not counted before: its user skips those that were, by the partition's
marks, and writes what changed together with them.

A rule that is new begins with the next batch. What was counted before, up to the marks of that moment, is in
the store of calls or comes there; it is added once, when the store can tell (`pending`, `add_backfill`), in
one write with the note that it has been.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tallygate.schemas.records import Call
from tallygate.schemas.rules import Rule, RuleBook
from tallygate.schemas.totals import RuleProgress, RuleTotals
from tallygate.stream_processors.rules.backfill import BackfillAsked, BackfillRow
from tallygate.stream_processors.rules.changes import Changes
from tallygate.stream_processors.rules.counting import Counting
from tallygate.stream_processors.rules.keys import RuleKey, key_of
from tallygate.stream_processors.rules.windows import buckets_needed
from tallygate.stream_processors.usage.tally import Fact

log = logging.getLogger(__name__)

EXPIRE_EVERY_US = 60_000_000
_Version = tuple[str, str, int]
"""Project, rule and counting revision: what is counted under other numbers has nothing to do with it."""


class RuleCounter:
    """Counts by the rules of a `RuleBook`."""

    def __init__(self, partition: int, held: Iterable[RuleTotals]) -> None:
        self._partition = partition
        self._book: RuleBook | None = None
        self._waiting: dict[_Version, list[RuleTotals]] = defaultdict(list)
        """Sums that were read, until it is known whether their rules are in force."""
        for totals in held:
            self._waiting[key_of(totals)[:3]].append(totals)
        self._countings: dict[_Version, Counting] = {}
        self._by_project: dict[str, list[Counting]] = {}
        self._expired_at_us = 0

    def follow(self, book: RuleBook, marks: Mapping[str, int], now_us: int) -> Changes:
        """Begin with rules that are new, and forget what is no longer needed.

        `marks` are what is counted of the partition now: the new rules' stream begins there.
        """
        changes = Changes()
        if book is not self._book and book.version >= 0:  # before the first version nothing is known
            changes = self._take(book, marks, now_us)
            self._book = book
        if now_us - self._expired_at_us >= EXPIRE_EVERY_US or changes:
            self._expired_at_us = now_us
            for counting in self._countings.values():
                changes.removed.update(counting.expire(now_us))
        return changes

    def count(self, calls: Iterable[tuple[Call, Fact]], marks: Mapping[str, int]) -> Changes:
        """Count calls, each given once. `marks` are what is counted of the partition with them."""
        by_project: dict[str, list[tuple[Call, Fact]]] = defaultdict(list)
        for each in calls:
            by_project[each[0].project].append(each)
        touched = {
            counting.version: counting.count(of_it)
            for project, of_it in by_project.items()
            for counting in self._by_project.get(project, ())
        }
        return self._changes(touched, marks)

    def pending(self, now_us: int) -> list[BackfillAsked]:
        """What is to be asked of the store of calls for rules that began in the middle."""
        return [
            BackfillAsked(each.rule, self._partition, each.progress.marks, _starts(each.rule, now_us))
            for each in self._countings.values()
            if not each.progress.backfilled
        ]

    def add_backfill(self, asked: BackfillAsked, rows: Iterable[BackfillRow], now_us: int) -> Changes:
        """Add what the store answered; nothing if the rule is no longer in force, or had it already."""
        counting = self._countings.get(_version(asked.rule))
        if counting is None or counting.progress.backfilled:
            return Changes()
        spans = {span.start_us: span for span in buckets_needed(asked.rule, now_us)}
        keys = {
            counting.add(row.group, spans[row.bucket_start_us], row.tally)
            for row in rows
            if row.bucket_start_us in spans
        }
        counting.progress = counting.progress.model_copy(update={"backfilled": True})
        return self._changes({_version(asked.rule): keys}, counting.progress.applied)

    def records(self) -> list[RuleTotals]:
        """All sums, and each rule's progress."""
        found: list[RuleTotals] = []
        for counting in self._countings.values():
            found += counting.records(counting.keys()).values()
            found.append(counting.progress_record(counting.progress.applied))
        return found

    def _take(self, book: RuleBook, marks: Mapping[str, int], now_us: int) -> Changes:
        changes = Changes()
        rules = {_version(rule): rule for of_it in book.rules.values() for rule in of_it}
        for version in self._countings.keys() - rules.keys():
            changes.removed.update(self._countings.pop(version).keys())
        for version in self._waiting.keys() - rules.keys():
            changes.removed.update(key_of(totals) for totals in self._waiting[version])
        for version, rule in rules.items():
            if version not in self._countings:
                held = self._waiting.get(version, [])
                changes.changed.update(self._begin(rule, held, marks, now_us))
        self._waiting.clear()
        self._by_project = {}
        for counting in self._countings.values():
            self._by_project.setdefault(counting.rule.project, []).append(counting)
        return changes

    def _begin(
        self, rule: Rule, held: Sequence[RuleTotals], marks: Mapping[str, int], now_us: int
    ) -> dict[RuleKey, RuleTotals]:
        """Follow a rule from now on, or again after a restart; what is to be written for it."""
        known = next((each.progress for each in held if each.progress is not None), None)
        # Nothing counted yet, nothing to add from before.
        progress = known or RuleProgress(since_us=now_us, marks=dict(marks), backfilled=not marks)
        try:
            counting = Counting(rule, self._partition, progress)
        except ValueError:
            # Rules are checked when they are set; one that slipped through must not stop all others.
            log.exception("rule %s can't be counted", rule.rule_id)
            return {}
        for totals in held:
            if totals.progress is None:
                counting.load(totals)
        self._countings[_version(rule)] = counting
        return {counting.progress_key: counting.progress_record(marks)} if known is None else {}

    def _changes(self, touched: Mapping[_Version, set[RuleKey]], marks: Mapping[str, int]) -> Changes:
        changes = Changes()
        for version, keys in touched.items():
            counting = self._countings[version]
            changes.changed.update(counting.records(keys))
            changes.changed[counting.progress_key] = counting.progress_record(marks)
        return changes


def _version(rule: Rule) -> _Version:
    return rule.project, rule.rule_id, rule.counting_revision


def _starts(rule: Rule, now_us: int) -> tuple[int, ...]:
    return tuple(sorted({span.start_us for span in buckets_needed(rule, now_us)}))
