"""One rule's counting in one partition."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tallygate.schemas.periods import Span
from tallygate.schemas.records import Call
from tallygate.schemas.rules import QUANTILE_METRICS, Rule
from tallygate.schemas.totals import RuleProgress, RuleTotals
from tallygate.stream_processors.rules.filters import matcher_of
from tallygate.stream_processors.rules.keys import RuleKey
from tallygate.stream_processors.rules.labels import group_of
from tallygate.stream_processors.rules.windows import bucket_of, needed_from
from tallygate.stream_processors.usage.tally import Fact, Tally, fields_of, tally_of


class _Bucket(NamedTuple):
    key: RuleKey
    end_us: int
    tally: Tally


class Counting:
    """A rule, its progress, and its sums by group and bucket."""

    def __init__(self, rule: Rule, partition: int, progress: RuleProgress) -> None:
        self.rule = rule
        self.progress = progress
        self._partition = partition
        self._sketched = rule.metric in QUANTILE_METRICS
        self._matches = matcher_of(rule.filter)
        self._group_of = group_of(rule.group_by)
        self._needed_from_us = 0
        self._held: dict[tuple[str, int], _Bucket] = {}
        """By group and the bucket's start."""
        self._span = Span(0, 0)
        self.version = (rule.project, rule.rule_id, rule.counting_revision)
        self.progress_key = RuleKey(*self.version)

    def load(self, totals: RuleTotals) -> None:
        """Take over sums that were written earlier."""
        tally = tally_of(totals, sketched=self._sketched)
        tally.first_us, tally.last_us = totals.first_us, totals.last_us
        key = RuleKey(*self.version, totals.group, totals.bucket_start_us)
        self._held[key[3:]] = _Bucket(key, totals.bucket_end_us, tally)

    def count(self, calls: Iterable[tuple[Call, Fact]]) -> set[RuleKey]:
        """Count those calls that are the rule's; return the keys that they count under."""
        touched: set[RuleKey] = set()
        for call, fact in calls:
            if self._matches is not None and not self._matches(call):
                continue
            group = self._group_of(call)
            if group is None:
                continue
            at_us = fact.received_at_us
            span = self._span
            if not span.start_us <= at_us < span.end_us:  # calls come nearly in order
                span = self._span = bucket_of(self.rule, at_us)
            if span.start_us < self._needed_from_us:
                continue
            bucket = self._at(group, span)
            bucket.tally.count(fact)
            touched.add(bucket.key)
        return touched

    def add(self, group: str, span: Span, tally: Tally) -> RuleKey:
        """Add what was counted elsewhere."""
        bucket = self._at(group, span)
        bucket.tally.add(tally)
        return bucket.key

    def expire(self, now_us: int) -> list[RuleKey]:
        """Forget the buckets that nobody looks at any more; which those were."""
        first_us = self._needed_from_us = needed_from(self.rule, now_us)
        old = [bucket.key for (_, start_us), bucket in self._held.items() if start_us < first_us]
        for key in old:
            del self._held[key[3:]]
        return old

    def records(self, keys: Iterable[RuleKey]) -> dict[RuleKey, RuleTotals]:
        """The sums of some keys as records."""
        return {key: self._record(self._held[key[3:]]) for key in keys if key[3:] in self._held}

    def progress_record(self, applied: Mapping[str, int]) -> RuleTotals:
        """How far it is, as a record: everything up to `applied` is counted."""
        self.progress = self.progress.model_copy(update={"applied": dict(applied)})
        return RuleTotals(
            project=self.rule.project,
            rule_id=self.rule.rule_id,
            counting_revision=self.rule.counting_revision,
            partition=self._partition,
            progress=self.progress,
        )

    def keys(self) -> set[RuleKey]:
        """All that it has sums of, and its progress."""
        return {self.progress_key, *(bucket.key for bucket in self._held.values())}

    def _at(self, group: str, span: Span) -> "_Bucket":
        bucket = self._held.get((group, span.start_us))
        if bucket is None:
            key = RuleKey(*self.version, group, span.start_us)
            bucket = _Bucket(key, span.end_us, Tally(sketched=self._sketched))
            self._held[group, span.start_us] = bucket
        return bucket

    def _record(self, bucket: "_Bucket") -> RuleTotals:
        key, end_us, tally = bucket
        return RuleTotals.model_construct(
            project=key.project,
            rule_id=key.rule_id,
            counting_revision=key.counting_revision,
            group=key.group,
            bucket_start_us=key.bucket_start_us,
            bucket_end_us=end_us,
            partition=self._partition,
            first_us=tally.first_us,
            last_us=tally.last_us,
            **fields_of(tally),
        )
