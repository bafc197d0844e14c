"""What rules count, over calls in any order, restarts, changed books and backfills."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.codec import BadRecordError, decode, encode_sparse
from tallygate.schemas.periods import HOUR_US
from tallygate.schemas.records import Call
from tallygate.schemas.rules import Rule
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.rules import Changes, RuleCounter, RuleKey, decode_key, encode_key
from tallygate.stream_processors.rules.backfill import BackfillRow
from tallygate.stream_processors.rules.windows import bucket_of
from tallygate.stream_processors.usage.tally import Tally, fact_of
from tests.stream_processors.rules.books import book, rule
from tests.support.factories import NOV_2026_US, call

DAY_US = 24 * HOUR_US
NOON = NOV_2026_US - NOV_2026_US % DAY_US + DAY_US // 2


class Counted:
    """A counter, and what it told to write, as a topic or a table would have it."""

    def __init__(self, written: dict[RuleKey, RuleTotals] | None = None) -> None:
        self.written = written or {}
        lines = [decode(RuleTotals, encode_sparse(each)) for each in self.written.values()]
        self.counter = RuleCounter(0, lines)
        self.marks: dict[str, int] = {}

    def write(self, changes: Changes) -> Changes:
        for key, line in changes.lines().items():
            if line is None:
                self.written.pop(key, None)
            else:
                self.written[key] = line
        return changes

    def follow(self, *rules: Rule, now_us: int = NOON, version: int = 1) -> Changes:
        return self.write(self.counter.follow(book(*rules, version=version), self.marks, now_us))

    def count(self, *calls: Call) -> Changes:
        for one in calls:
            self.marks[one.origin.edge_id] = one.origin.seq
        return self.write(self.counter.count([(one, fact_of(one)) for one in calls], self.marks))

    def sums(self, rule_id: str = "rule_1", revision: int = 1) -> dict[tuple[str, int], int]:
        """Cost by group and bucket."""
        return {
            (key.group, key.bucket_start_us): line.cost_nanos
            for key, line in self.written.items()
            if (key.rule_id, key.counting_revision) == (rule_id, revision) and line.progress is None
        }

    def progress(self, rule_id: str = "rule_1") -> RuleTotals:
        (line,) = [
            line for key, line in self.written.items() if key.rule_id == rule_id and line.progress is not None
        ]
        return line


def paid(nanos: int, at_us: int = NOON, **fields: Any) -> Call:
    return call(cost_nanos=nanos, received_at_us=at_us, **fields)


def test_a_day_s_spend_by_user() -> None:
    counted = Counted()
    counted.follow(rule(), rule("rule_2", group_by="user"))
    counted.count(paid(5, user_id="ada"), paid(7, user_id="bob"), paid(1, user_id=""))
    today = NOON - NOON % DAY_US
    assert counted.sums() == {("", today): 13}
    assert counted.sums("rule_2") == {("ada", today): 5, ("bob", today): 7}
    line = counted.written[RuleKey("default", "rule_2", 1, "ada", today)]
    assert (line.requests, line.bucket_end_us, line.first_us, line.last_us) == (1, today + DAY_US, NOON, NOON)


@pytest.mark.parametrize(
    ("fields", "groups"),
    [
        ({"group_by": "key"}, {"k1"}),
        ({"group_by": "provider"}, {"openai"}),
        ({"group_by": "model"}, {"gpt-4o-mini-2024-07-18", "asked"}),
        ({"group_by": "property.team"}, {"core"}),
        ({"filter": {"field": "property.Team", "op": "eq", "value": "core"}}, {""}),
        ({"filter": {"field": "user_id", "op": "eq", "value": "nobody"}}, set()),
    ],
)
def test_groups_and_filters(fields: dict[str, Any], groups: set[str]) -> None:
    counted = Counted()
    counted.follow(rule(**fields))
    counted.count(
        paid(1, key_id="k1", properties={"TEAM": "core"}),
        paid(2, key_id="", model="", model_requested="asked", properties={"Team": ""}, provider=""),
    )
    assert {group for group, _ in counted.sums()} == groups


def test_sliding_windows_are_cut_into_slices_and_anomalies_into_hours() -> None:
    counted = Counted()
    counted.follow(rule(window={"kind": "sliding", "seconds": 3600}), rule("rule_2", kind="anomaly"))
    counted.count(paid(1, NOON), paid(2, NOON + 59_000_000), paid(4, NOON + 61_000_000))
    assert counted.sums() == {("", NOON): 3, ("", NOON + 60_000_000): 4}
    assert counted.sums("rule_2") == {("", NOON): 7}


def test_only_quantiles_have_sketches() -> None:
    counted = Counted()
    counted.follow(rule(), rule("rule_2", metric="latency_p95"))
    counted.count(paid(1), paid(2))
    sketches = {
        key.rule_id: line.latency_sketch for key, line in counted.written.items() if not line.progress
    }
    assert sketches["rule_1"] == {}
    assert sum(sketches["rule_2"].values()) == 2


def test_the_progress_is_the_last_line_and_tells_what_is_counted() -> None:
    counted = Counted()
    assert list(counted.follow(rule()).changed) == [RuleKey("default", "rule_1", 1)]
    changes = counted.count(paid(1))
    assert next(reversed(changes.changed.values())).progress is not None
    progress = counted.progress().progress
    assert progress is not None
    assert progress.applied == counted.marks
    assert progress.backfilled, "nothing was counted before it"


def test_calls_of_other_projects_change_nothing() -> None:
    counted = Counted()
    counted.follow(rule())
    assert not counted.count(paid(1, project="other"))


def test_buckets_that_nobody_looks_at_are_removed_and_not_made_again() -> None:
    counted = Counted()
    counted.follow(rule())
    counted.count(paid(1), paid(2, NOON - DAY_US), paid(4, NOON - 2 * DAY_US))
    today = NOON - NOON % DAY_US
    assert counted.sums() == {("", today): 1, ("", today - DAY_US): 2}
    changes = counted.write(counted.counter.follow(book(rule()), counted.marks, NOON + DAY_US))
    assert changes.removed == {RuleKey("default", "rule_1", 1, "", today - DAY_US)}
    assert counted.sums() == {("", today): 1}
    counted.count(paid(8, NOON - DAY_US))
    assert counted.sums() == {("", today): 1}


def test_a_rule_that_is_gone_or_counts_otherwise_loses_its_sums() -> None:
    counted = Counted()
    counted.follow(rule(), rule("rule_2"))
    counted.count(paid(1))
    counted.follow(rule(counting_revision=2, group_by="user"), version=2)
    assert {key.rule_id for key in counted.written} == {"rule_1"}
    assert {key.counting_revision for key in counted.written} == {2}


def test_a_restart_goes_on_and_a_book_that_is_not_known_yet_removes_nothing() -> None:
    counted = Counted()
    counted.follow(rule())
    counted.count(paid(1))
    again = Counted(counted.written)
    again.marks = dict(counted.marks)
    assert not again.write(again.counter.follow(book(version=-1), again.marks, NOON))
    assert not again.follow(rule()).changed
    again.count(paid(2))
    assert list(again.sums().values()) == [3]


def test_a_restart_forgets_rules_that_went_meanwhile() -> None:
    counted = Counted()
    counted.follow(rule(), rule("rule_2"))
    counted.count(paid(1))
    again = Counted(counted.written)
    again.follow(rule(), version=2)
    assert {key.rule_id for key in again.written} == {"rule_1"}


def test_a_new_rule_gets_what_was_counted_before_it_once() -> None:
    counted = Counted()
    counted.marks = {"edge-a": 70, "edge-b": 3}
    counted.follow(rule(group_by="user"))
    counted.count(paid(1, user_id="ada"))
    (asked,) = counted.counter.pending(NOON)
    today = NOON - NOON % DAY_US
    assert asked.marks == {"edge-a": 70, "edge-b": 3}
    assert asked.bucket_starts_us == (today - DAY_US, today)
    before = Tally()
    before.count(fact_of(paid(100, NOON - 1)))
    rows = [BackfillRow("ada", today, before), BackfillRow("bob", today, before)]
    counted.write(counted.counter.add_backfill(asked, rows, NOON))
    assert counted.sums() == {("ada", today): 101, ("bob", today): 100}
    progress = counted.progress().progress
    assert progress is not None
    assert progress.backfilled
    assert progress.applied["edge-b"] == 3
    assert not counted.counter.add_backfill(asked, rows, NOON)
    assert counted.counter.pending(NOON) == []
    again = Counted(counted.written)
    again.follow(rule(group_by="user"))
    assert again.counter.pending(NOON) == []


def test_a_backfill_that_was_not_written_is_asked_for_again() -> None:
    counted = Counted()
    counted.marks = {"edge-a": 7}
    counted.follow(rule())
    counted.count(paid(1))
    again = Counted(counted.written)
    again.follow(rule())
    (asked,) = again.counter.pending(NOON)
    assert asked.marks == {"edge-a": 7}


def test_an_answer_for_a_rule_that_has_changed_is_left_out() -> None:
    counted = Counted()
    counted.marks = {"edge-a": 7}
    counted.follow(rule())
    (asked,) = counted.counter.pending(NOON)
    counted.follow(rule(counting_revision=2, group_by="user"), version=2)
    assert not counted.counter.add_backfill(asked, [BackfillRow("", NOON - NOON % DAY_US, Tally())], NOON)


def test_a_rule_that_can_t_be_counted_does_not_stop_the_others() -> None:
    counted = Counted()
    counted.follow(rule(group_by="weather"), rule("rule_2"))
    counted.count(paid(1))
    assert list(counted.sums("rule_2").values()) == [1]
    assert counted.sums("rule_1") == {}


WINDOWS: list[dict[str, Any]] = [
    {},
    {"window": {"kind": "calendar", "period": "hour"}, "time_zone": "Asia/Kathmandu"},
    {"window": {"kind": "calendar", "period": "month"}},
    {"window": {"kind": "sliding", "seconds": 7200}, "group_by": "user"},
    {"kind": "anomaly", "metric": "latency_p50"},
]


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 6000), st.integers(0, 3)), max_size=30),
    st.sampled_from(WINDOWS),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_sums_are_those_of_the_calls_whatever_the_batches_and_restarts(
    parts: list[tuple[int, int, int]], fields: dict[str, Any], restarts: list[int]
) -> None:
    one = rule(**fields)
    calls = [paid(cost, NOON - ago * 1_000_000, user_id=f"u{user}") for cost, ago, user in parts]
    counted = Counted()
    counted.follow(one)
    for at, each in enumerate(calls):
        if at in restarts:
            marks = counted.marks
            counted = Counted(counted.written)
            counted.marks = marks
            counted.follow(one)
        counted.count(each)
    wanted: dict[tuple[str, int], int] = {}
    for each in calls:
        key = (each.user_id if one.group_by else "", bucket_of(one, each.received_at_us).start_us)
        wanted[key] = wanted.get(key, 0) + (each.cost_nanos or 0)
    assert counted.sums() == wanted


@given(st.text(), st.text(), st.integers(0, 2**40), st.text(), st.integers(0, 2**62))
def test_keys_come_back(project: str, rule_id: str, revision: int, group: str, start_us: int) -> None:
    key = RuleKey(project, rule_id, revision, group, start_us)
    assert decode_key(encode_key(key)) == key


@pytest.mark.parametrize("data", [b"", b"[]", b'["a","b",1,"c"]', b'["a","b","1","c",0]', b'["a",2,1,"c",0]'])
def test_bad_keys_are_refused(data: bytes) -> None:
    with pytest.raises(BadRecordError, match="rule key"):
        decode_key(data)
