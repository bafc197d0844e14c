"""All rules over all their groups: looks at what has changed or is due. Pure; its keeper does the writing.

Sums are absolute, one for each partition of the log: taking one again changes nothing. What an evaluation
brings is in memory at once, so its keeper has to write it before it asks for the next, or begin anew from
what is written.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tallygate.schemas.records import Alert, BudgetState, Firing, RuleState
from tallygate.schemas.rules import Rule, RuleBook
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.budgets.allowance import allowance
from tallygate.stream_processors.budgets.judge import current, judge
from tallygate.stream_processors.budgets.part import Part, part_of, total
from tallygate.stream_processors.rules.keys import RuleKey, key_of

CLOCK_BACK_US = 10_000_000
"""A clock that goes back by more than this has everything looked at: what was due may be due no more."""


class GroupKey(NamedTuple):
    """A group of a rule."""

    rule_id: str
    group: str


@dataclass(slots=True)
class Outcome:
    """What an evaluation brought, to be written in one transaction."""

    alerts: list[Alert] = field(default_factory=list)
    states: dict[GroupKey, RuleState | None] = field(default_factory=dict)
    """Those that changed; None: to be deleted."""
    budgets: dict[GroupKey, BudgetState | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.alerts or self.states or self.budgets)


@dataclass(slots=True)
class _Group:
    buckets: dict[int, dict[int, Part]] = field(default_factory=dict)
    """By start and partition."""
    state: RuleState | None = None
    budget: BudgetState | None = None
    next_us: int | None = None


class Evaluator:
    """Holds the sums of every rule that is in force, and what was told of them."""

    def __init__(self, states: Iterable[RuleState] = (), budgets: Iterable[BudgetState] = ()) -> None:
        """Begin from what was written before."""
        self._rules: dict[str, Rule] = {}
        self._book: RuleBook | None = None
        self._groups: dict[str, dict[str, _Group]] = {}
        self._early: dict[str, dict[tuple[RuleKey, int], RuleTotals]] = {}
        """Sums of rules that are not known, or not in this form: they may come."""
        self._progress: dict[str, dict[int, RuleTotals]] = {}
        """By rule and partition, whatever is in force."""
        self._unmarked: dict[str, set[GroupKey]] = {}
        """Groups of rules with reservations whose sums have changed since the rule's progress came."""
        self._changed: set[GroupKey] = set()
        self._due: list[tuple[int, GroupKey]] = []
        self._gone = Outcome()
        self._now_us = 0
        for state in states:
            self._group(GroupKey(state.rule_id, state.group)).state = state
        for budget in budgets:
            self._group(GroupKey(budget.budget_id, budget.group)).budget = budget

    def use(self, book: RuleBook) -> None:
        """Take the rules that are in force now. The book that was taken last costs nothing."""
        if book is self._book or book.version < 0:  # before the first version nothing is known
            return
        self._book = book
        rules = {rule.rule_id: rule for of_one in book.rules.values() for rule in of_one if rule.enabled}
        for rule_id in (self._rules.keys() | self._groups.keys()) - rules.keys():
            self._forget(rule_id)
        for rule_id, rule in rules.items():
            before = self._rules.get(rule_id)
            if before != rule:
                self._rules[rule_id] = rule
                self._begin(rule, before)

    def take(self, totals: RuleTotals) -> None:
        """Take a sum, as it is now."""
        if totals.progress is not None:
            self._progress.setdefault(totals.rule_id, {})[totals.partition] = totals
            # It comes behind the sums that it is about: those who reserve wait for it.
            self._changed |= self._unmarked.pop(totals.rule_id, set())
            return
        key = key_of(totals)
        rule = self._rules.get(key.rule_id)
        if rule is None or rule.counting_revision != key.counting_revision:
            self._early.setdefault(key.rule_id, {})[key, totals.partition] = totals
            return
        group = self._group(GroupKey(key.rule_id, key.group))
        part = part_of(rule.metric, totals)
        group.buckets.setdefault(key.bucket_start_us, {})[totals.partition] = part
        self._changed.add(GroupKey(key.rule_id, key.group))
        if rule.reserve:
            self._unmarked.setdefault(key.rule_id, set()).add(GroupKey(key.rule_id, key.group))

    def drop(self, key: RuleKey, partition: int) -> None:
        """Forget a sum: no rule looks at it any more."""
        self._early.get(key.rule_id, {}).pop((key, partition), None)
        rule = self._rules.get(key.rule_id)
        group = self._groups.get(key.rule_id, {}).get(key.group)
        if rule is None or group is None or rule.counting_revision != key.counting_revision:
            return
        bucket = group.buckets.get(key.bucket_start_us, {})
        bucket.pop(partition, None)
        if not bucket:
            group.buckets.pop(key.bucket_start_us, None)
        self._changed.add(GroupKey(key.rule_id, key.group))

    def tick(self, now_us: int, *, behind: bool = False) -> Outcome:
        """Evaluate what has changed, and what is due.

        Args:
            now_us: the time.
            behind: calls that were made before now are known not to be counted yet. What could be said
                wrongly for want of them is left for later; that something was crossed is said.
        """
        if now_us < self._now_us - CLOCK_BACK_US:
            self._changed.update(self._keys())
        self._now_us = now_us
        outcome, self._gone = self._gone, Outcome()
        later: set[GroupKey] = set()
        for key in self._next(now_us):
            rule = self._rules.get(key.rule_id)
            if rule is None:
                continue
            if behind and not _certain(rule):
                later.add(key)
                continue
            self._evaluate(rule, key, outcome, now_us)
        self._changed |= later
        return outcome

    def budgets(self) -> list[BudgetState]:
        """All that edges are to know."""
        groups = (group for of_rule in self._groups.values() for group in of_rule.values())
        return [group.budget for group in groups if group.budget is not None]

    def _evaluate(self, rule: Rule, key: GroupKey, outcome: Outcome, now_us: int) -> None:
        group = self._group(key)
        parts = {start_us: total(by.values()) for start_us, by in group.buckets.items()}
        verdict = judge(rule, key.group, parts, group.state, now_us)
        outcome.alerts += verdict.alerts
        if verdict.firings != (group.state.firings if group.state is not None else ()):
            group.state = _state(rule, key.group, verdict.firings)
            outcome.states[key] = group.state
        if rule.action != "notify" or group.budget is not None:
            reading = current(rule, parts, now_us)
            applied = self._applied(rule) if rule.reserve else None
            budget = allowance(rule, key.group, reading, group.budget, now_us, applied)
            if budget is not group.budget:
                group.budget = outcome.budgets[key] = budget
        group.next_us = verdict.next_us
        if verdict.next_us is not None:
            heapq.heappush(self._due, (verdict.next_us, key))
        elif not group.buckets and group.state is None and group.budget is None:
            self._groups[key.rule_id].pop(key.group)

    def _applied(self, rule: Rule) -> dict[str, int]:
        """What a rule has counted, by partition and edge."""
        lines = self._progress.get(rule.rule_id, {}).items()
        return {
            f"{partition}/{edge}": seq
            for partition, line in lines
            if line.progress is not None and line.counting_revision == rule.counting_revision
            for edge, seq in line.progress.applied.items()
        }

    def _next(self, now_us: int) -> list[GroupKey]:
        """What is to be looked at now, in an order that is always the same."""
        found, self._changed = self._changed, set()
        while self._due and self._due[0][0] <= now_us:
            due_us, key = heapq.heappop(self._due)
            group = self._groups.get(key.rule_id, {}).get(key.group)
            if group is not None and group.next_us == due_us:
                found.add(key)
        return sorted(found)

    def _begin(self, rule: Rule, before: Rule | None) -> None:
        """A rule is new, or another than before."""
        groups = self._groups.setdefault(rule.rule_id, {})
        if before is not None and before.counting_revision != rule.counting_revision:
            for name, group in groups.items():
                self._remove(GroupKey(rule.rule_id, name), group)
            groups.clear()
        for name, group in groups.items():
            if group.state is not None and group.state.counting_revision != rule.counting_revision:
                self._gone.states[GroupKey(rule.rule_id, name)] = group.state = None
        for totals in self._early.pop(rule.rule_id, {}).values():
            self.take(totals)
        if not rule.group_by:
            self._group(GroupKey(rule.rule_id, ""))  # that there are no calls may be what it is about
        self._changed.update(GroupKey(rule.rule_id, name) for name in groups)

    def _forget(self, rule_id: str) -> None:
        """A rule is in force no more."""
        self._rules.pop(rule_id, None)
        for name, group in self._groups.pop(rule_id, {}).items():
            self._remove(GroupKey(rule_id, name), group)
        self._progress.pop(rule_id, None)

    def _remove(self, key: GroupKey, group: _Group) -> None:
        if group.state is not None:
            self._gone.states[key] = None
        if group.budget is not None:
            self._gone.budgets[key] = None

    def _group(self, key: GroupKey) -> _Group:
        return self._groups.setdefault(key.rule_id, {}).setdefault(key.group, _Group())

    def _keys(self) -> Iterator[GroupKey]:
        return (GroupKey(rule_id, name) for rule_id, groups in self._groups.items() for name in groups)


def _state(rule: Rule, group: str, firings: tuple[Firing, ...]) -> RuleState | None:
    if not firings:
        return None
    return RuleState(
        project=rule.project,
        rule_id=rule.rule_id,
        counting_revision=rule.counting_revision,
        group=group,
        firings=firings,
    )


def _certain(rule: Rule) -> bool:
    """Whether more calls can only bring more: what is crossed with some of them is crossed with all."""
    return rule.is_sum and rule.kind == "threshold" and rule.direction == "above"
