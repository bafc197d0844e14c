"""One rule's counting in one partition."""

from collections.abc import Iterator, Mapping

from tallygate.schemas.periods import Span
from tallygate.schemas.records import Call
from tallygate.schemas.rules import QUANTILE_METRICS, Rule
from tallygate.schemas.totals import RuleProgress, RuleTotals
from tallygate.stream_processors.rules.filters import matcher_of
from tallygate.stream_processors.rules.keys import RuleKey
from tallygate.stream_processors.rules.labels import group_of
from tallygate.stream_processors.rules.windows import bucket_of, needed_from
from tallygate.stream_processors.usage.tally import Fact, Tally, fields_of, tally_of


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
        self._held: dict[RuleKey, tuple[Tally, int]] = {}

    def load(self, totals: RuleTotals) -> None:
        """Take over sums that were written earlier."""
        tally = tally_of(totals, sketched=self._sketched)
        tally.first_us, tally.last_us = totals.first_us, totals.last_us
        self._held[self._key(totals.group, totals.bucket_start_us)] = (tally, totals.bucket_end_us)

    def count(self, call: Call, fact: Fact) -> RuleKey | None:
        """Count a call if it is one of the rule's; return the key that it counts under."""
        if self._matches is not None and not self._matches(call):
            return None
        group = self._group_of(call)
        if group is None:
            return None
        bucket = bucket_of(self.rule, fact.received_at_us)
        if bucket.start_us < self._needed_from_us:
            return None
        key, tally = self._at(group, bucket)
        tally.count(fact)
        return key

    def add(self, group: str, bucket: Span, tally: Tally) -> RuleKey:
        """Add what was counted elsewhere."""
        key, held = self._at(group, bucket)
        held.add(tally)
        return key

    def expire(self, now_us: int) -> list[RuleKey]:
        """Forget the buckets that nobody looks at any more; which those were."""
        self._needed_from_us = needed_from(self.rule, now_us)
        old = [key for key in self._held if key.bucket_start_us < self._needed_from_us]
        for key in old:
            del self._held[key]
        return old

    def records(self, keys: Iterator[RuleKey] | set[RuleKey]) -> dict[RuleKey, RuleTotals]:
        """The sums of some keys as records."""
        return {key: self._record(key) for key in keys if key in self._held}

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
        return {self.progress_key, *self._held}

    @property
    def progress_key(self) -> RuleKey:
        """The key of its progress."""
        return self._key("", 0)

    def _at(self, group: str, bucket: Span) -> tuple[RuleKey, Tally]:
        key = self._key(group, bucket.start_us)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = (Tally(sketched=self._sketched), bucket.end_us)
        return key, held[0]

    def _key(self, group: str, start_us: int) -> RuleKey:
        rule = self.rule
        return RuleKey(rule.project, rule.rule_id, rule.counting_revision, group, start_us)

    def _record(self, key: RuleKey) -> RuleTotals:
        tally, end_us = self._held[key]
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
