"""The evaluator as its keepers use it: sums and rules in, alerts, states and budgets out."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.periods import period_of
from tallygate.schemas.records import Alert, BudgetState, RuleState
from tallygate.schemas.rules import Rule
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.budgets.evaluator import Evaluator, Outcome
from tallygate.stream_processors.budgets.judge import judge
from tallygate.stream_processors.rules.keys import key_of
from tallygate.stream_processors.usage.sketch import bucket_of
from tests.stream_processors.budgets.sums import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOON_US,
    SECOND_US,
    USD,
    book,
    day,
    last,
    rule,
    totals,
)


class Kept:
    """An evaluator and what its keeper has written."""

    def __init__(self, *rules: Rule) -> None:
        self.book = book(*rules)
        self.totals: dict[tuple[object, ...], RuleTotals] = {}
        self.states: dict[object, RuleState] = {}
        self.budgets: dict[object, BudgetState] = {}
        self.alerts: list[Alert] = []
        self.restart()

    def restart(self) -> None:
        """As after `kill -9`: only what was written is there."""
        self.evaluator = Evaluator(self.states.values(), self.budgets.values())
        self.evaluator.use(self.book)
        for each in self.totals.values():
            self.evaluator.take(each)

    def set(self, *rules: Rule) -> None:
        self.book = book(*rules)
        self.evaluator.use(self.book)

    def count(self, *sums: RuleTotals) -> None:
        for each in sums:
            key = (each.rule_id, each.counting_revision, each.group, each.bucket_start_us, each.partition)
            self.totals[key] = each
            self.evaluator.take(each)

    def at(self, now_us: int, *, written: bool = True, behind: bool = False) -> list[Alert]:
        """Evaluate; the alerts that it brought."""
        outcome = self.evaluator.tick(now_us, behind=behind)
        if written:
            self._write(outcome)
        return outcome.alerts

    def _write(self, outcome: Outcome) -> None:
        self.alerts += outcome.alerts
        for key, state in outcome.states.items():
            self.states.pop(key, None)
            if state is not None:
                self.states[key] = state
        for key, budget in outcome.budgets.items():
            self.budgets.pop(key, None)
            if budget is not None:
                self.budgets[key] = budget


def told(alerts: Sequence[Alert]) -> list[tuple[str, int]]:
    return [(alert.state, alert.threshold_percent) for alert in alerts]


def test_a_threshold_is_told_of_when_it_is_reached_and_once() -> None:
    of = rule()
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=100 * USD - 1, requests=7))
    assert kept.at(NOON_US) == []
    kept.count(totals(of, cost_nanos=100 * USD, requests=8))
    (alert,) = kept.at(NOON_US + 5)
    assert alert.state == "firing"
    assert (alert.value, alert.threshold, alert.limit) == (100 * USD, 100 * USD, 100 * USD)
    assert (alert.budget_id, alert.name, alert.requests) == ("rule_1", "Daily spend", 8)
    assert alert.window == "day"
    assert alert.raised_at_us == NOON_US + 5
    kept.count(totals(of, cost_nanos=500 * USD, requests=9))
    assert kept.at(NOON_US + 10) == []


def test_several_thresholds_are_told_of_each_even_if_jumped_over() -> None:
    of = rule(thresholds_percent=(50, 80, 100))
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=50 * USD))
    assert told(kept.at(NOON_US)) == [("firing", 50)]
    kept.count(totals(of, cost_nanos=101 * USD))
    assert told(kept.at(NOON_US)) == [("firing", 80), ("firing", 100)]
    assert len({alert.alert_id for alert in kept.alerts}) == 3


def test_partitions_are_added_up_and_a_repeat_changes_nothing() -> None:
    of = rule()
    kept = Kept(of)
    for _ in range(3):
        kept.count(totals(of, cost_nanos=60 * USD, partition=0))
    assert kept.at(NOON_US) == []
    kept.count(totals(of, cost_nanos=40 * USD, partition=3))
    assert told(kept.at(NOON_US)) == [("firing", 100)]


def test_each_group_has_a_state_of_its_own() -> None:
    of = rule(group_by="user")
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=99 * USD, group="ada"), totals(of, cost_nanos=100 * USD, group="bob"))
    (alert,) = kept.at(NOON_US)
    assert (alert.group, alert.group_by) == ("bob", "user")
    kept.count(totals(of, cost_nanos=100 * USD, group="ada"))
    (alert,) = kept.at(NOON_US)
    assert alert.group == "ada"


def test_the_next_period_begins_anew_and_the_last_one_is_over() -> None:
    of = rule()
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=120 * USD))
    (first,) = kept.at(NOON_US)
    (over,) = kept.at(NOON_US + 12 * HOUR_US)
    assert over.state == "resolved"
    assert over.resolves == first.alert_id
    assert over.alert_id != first.alert_id
    assert over.value == 120 * USD
    assert over.period_start_us == first.period_start_us
    kept.count(totals(of, NOON_US + DAY_US, cost_nanos=100 * USD))
    (second,) = kept.at(NOON_US + DAY_US)
    assert second.state == "firing"
    assert second.alert_id not in {first.alert_id, over.alert_id}


def test_a_period_ends_by_the_rules_own_clock() -> None:
    of = rule(time_zone="America/Los_Angeles")
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=120 * USD))
    kept.at(NOON_US)
    midnight_there = period_of("day", "America/Los_Angeles", NOON_US).end_us
    assert midnight_there == NOON_US + 20 * HOUR_US
    assert kept.at(midnight_there - 1) == []
    assert told(kept.at(midnight_there)) == [("resolved", 100)]


def test_a_day_of_25_hours_is_one_period() -> None:
    october_us = 1_792_879_200 * SECOND_US  # 2026-10-25 00:00 in Berlin
    of = rule(time_zone="Europe/Berlin")
    kept = Kept(of)
    kept.count(totals(of, october_us, cost_nanos=100 * USD))
    assert told(kept.at(october_us + HOUR_US)) == [("firing", 100)]
    kept.count(totals(of, october_us + 24 * HOUR_US + 1, cost_nanos=200 * USD))
    assert kept.at(october_us + 24 * HOUR_US + 1) == []
    assert told(kept.at(october_us + 25 * HOUR_US)) == [("resolved", 100)]


def test_what_was_crossed_while_nobody_looked_is_told_of_late_without_an_end() -> None:
    of = rule()
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=100 * USD))
    kept.restart()
    alerts = kept.at(NOON_US + 20 * HOUR_US)
    assert told(alerts) == [("firing", 100)]
    assert alerts[0].period_end_us == NOON_US + 12 * HOUR_US
    assert kept.at(NOON_US + 48 * HOUR_US) == []


@pytest.mark.parametrize("change", [{"created_at_us": NOON_US + DAY_US}, {"updated_at_us": NOON_US + DAY_US}])
def test_a_rule_made_or_changed_today_does_not_fire_for_yesterday(change: dict[str, int]) -> None:
    of = rule(**change)
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=100 * USD))
    assert kept.at(NOON_US + DAY_US) == []


def test_too_few_requests_say_nothing() -> None:
    of = rule(min_requests=10)
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=500 * USD, requests=9))
    assert kept.at(NOON_US) == []
    kept.count(totals(of, cost_nanos=500 * USD, requests=10))
    assert told(kept.at(NOON_US)) == [("firing", 100)]


def test_muted_rules_keep_their_alerts_and_tell_nobody() -> None:
    of = rule(muted_until_us=NOON_US + 1)
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=100 * USD))
    assert [alert.notify for alert in kept.at(NOON_US)] == [False]
    assert [alert.notify for alert in kept.at(NOON_US + DAY_US)] == [True]


def test_ends_that_nobody_asked_for_are_kept_only() -> None:
    of = rule(notify_resolved=False)
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=100 * USD))
    kept.at(NOON_US)
    assert [alert.notify for alert in kept.at(NOON_US + DAY_US)] == [False]


def test_a_raised_limit_is_over_and_fires_anew_at_its_own_amount() -> None:
    kept = Kept(rule())
    kept.count(totals(rule(), cost_nanos=120 * USD))
    kept.at(NOON_US)
    kept.set(rule(limit=200 * USD, revision=2))
    assert told(kept.at(NOON_US)) == [("resolved", 100)]
    kept.count(totals(rule(), cost_nanos=200 * USD))
    (alert,) = kept.at(NOON_US)
    assert (alert.state, alert.threshold) == ("firing", 200 * USD)
    # Put back, it is what was told of before.
    kept.set(rule(revision=3))
    assert told(kept.at(NOON_US)) == [("resolved", 100)]


def test_what_is_counted_otherwise_begins_anew() -> None:
    kept = Kept(rule())
    kept.count(totals(rule(), cost_nanos=120 * USD))
    (first,) = kept.at(NOON_US)
    other = rule(counting_revision=2)
    kept.set(other)
    assert kept.at(NOON_US) == []
    assert kept.states == {}
    kept.count(totals(rule(), cost_nanos=130 * USD), totals(other, cost_nanos=100 * USD))
    (second,) = kept.at(NOON_US)
    assert second.alert_id != first.alert_id


def test_sums_may_come_before_their_rule() -> None:
    kept = Kept()
    kept.count(totals(rule(), cost_nanos=120 * USD))
    assert kept.at(NOON_US) == []
    kept.set(rule())
    assert told(kept.at(NOON_US)) == [("firing", 100)]


def test_a_rule_that_is_gone_leaves_nothing() -> None:
    kept = Kept(rule(action="block"))
    kept.count(totals(rule(), cost_nanos=120 * USD))
    kept.at(NOON_US)
    assert kept.states
    assert kept.budgets
    kept.set()
    assert kept.at(NOON_US) == []
    assert (kept.states, kept.budgets) == ({}, {})
    kept.restart()
    assert kept.at(NOON_US) == []


# Sliding windows


def test_a_sliding_window_fires_and_is_over_by_hysteresis() -> None:
    of = rule(metric="error_rate", limit=100_000, window=last(600), min_requests=10, hysteresis_percent=10)
    kept = Kept(of)
    kept.count(totals(of, requests=100, errors=6, cancelled=4))
    (alert,) = kept.at(NOON_US)
    assert (alert.value, alert.threshold, alert.window) == (100_000, 100_000, "600s")
    assert (alert.period_start_us, alert.period_end_us) == (NOON_US - 600 * SECOND_US, NOON_US)
    # 10 of 110 are 9.1 %: not far enough back; 10 of 112 are 8.9 %.
    kept.count(totals(of, NOON_US + 20 * SECOND_US, requests=10))
    assert kept.at(NOON_US + 20 * SECOND_US) == []
    kept.count(totals(of, NOON_US + 20 * SECOND_US, requests=12))
    assert told(kept.at(NOON_US + 20 * SECOND_US)) == [("resolved", 100)]
    # Another episode is another alert.
    kept.count(totals(of, NOON_US + 30 * SECOND_US, requests=10, errors=10))
    (second,) = kept.at(NOON_US + 30 * SECOND_US)
    assert second.alert_id != alert.alert_id


def test_what_leaves_a_sliding_window_ends_an_alert_without_any_call() -> None:
    of = rule(metric="requests", limit=5, window=last(60))
    kept = Kept(of)
    kept.count(totals(of, requests=5))
    assert told(kept.at(NOON_US)) == [("firing", 100)]
    assert kept.at(NOON_US + 60 * SECOND_US) == []
    assert told(kept.at(NOON_US + 61 * SECOND_US)) == [("resolved", 100)]


def test_good_calls_that_leave_a_window_can_cross_a_rate() -> None:
    of = rule(metric="error_rate", limit=500_000, window=last(60))
    kept = Kept(of)
    kept.count(totals(of, requests=10), totals(of, NOON_US + 30 * SECOND_US, requests=10, errors=9))
    assert kept.at(NOON_US + 30 * SECOND_US) == []
    assert told(kept.at(NOON_US + 61 * SECOND_US)) == [("firing", 100)]


def test_silence_is_told_of_by_a_rule_for_too_little() -> None:
    of = rule(metric="requests", limit=1, direction="below", window=last(300), created_at_us=NOON_US)
    kept = Kept(of)
    assert kept.at(NOON_US) == []
    assert kept.at(NOON_US + 299 * SECOND_US) == []
    assert told(kept.at(NOON_US + 300 * SECOND_US)) == [("firing", 100)]
    kept.count(totals(of, NOON_US + 400 * SECOND_US, requests=2))
    assert told(kept.at(NOON_US + 400 * SECOND_US)) == [("resolved", 100)]
    assert told(kept.at(NOON_US + 706 * SECOND_US)) == [("firing", 100)]


def test_too_little_is_not_said_while_calls_are_known_to_wait() -> None:
    of = rule(metric="requests", limit=1, direction="below", window=last(300))
    kept = Kept(of)
    assert kept.at(NOON_US, behind=True) == []
    kept.count(totals(of, NOON_US - SECOND_US, requests=2))
    assert kept.at(NOON_US) == []


def test_what_is_crossed_already_is_said_while_calls_wait() -> None:
    kept = Kept(rule())
    kept.count(totals(rule(), cost_nanos=100 * USD))
    assert told(kept.at(NOON_US, behind=True)) == [("firing", 100)]


@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 9)), max_size=40), st.integers(60, 600))
def test_a_sliding_sum_is_never_less_than_the_windows_and_at_most_a_sixtieth_more(
    calls: list[tuple[int, int]], window_s: int
) -> None:
    """`calls`: seconds before now, and how many."""
    of = rule(metric="requests", limit=10**9, thresholds_percent=(100,), window=last(window_s))
    summed: dict[int, RuleTotals] = {}
    for ago_s, count in calls:
        each = totals(of, NOON_US - ago_s * SECOND_US, requests=count)
        held = summed.get(each.bucket_start_us)
        summed[each.bucket_start_us] = each.model_copy(
            update={"requests": count + (held.requests if held else 0)}
        )
    kept = Kept(rule(metric="requests", limit=0, window=last(window_s)))
    kept.count(*summed.values())
    (alert,) = kept.at(NOON_US)
    slice_s = max(1.0, window_s / 60)
    inside = sum(count for ago_s, count in calls if ago_s < window_s)
    around = sum(count for ago_s, count in calls if ago_s <= window_s + slice_s)
    assert inside <= alert.value <= around


# Other metrics


@pytest.mark.parametrize(
    ("metric", "limit", "fields"),
    [
        ("requests", 10, {"requests": 10}),
        ("errors", 10, {"errors": 7, "cancelled": 3, "timeouts": 2}),
        ("input_tokens", 10, {"input_tokens": 10}),
        ("output_tokens", 10, {"output_tokens": 10}),
        ("total_tokens", 10, {"input_tokens": 4, "output_tokens": 6, "reasoning_tokens": 6}),
        ("cached_input_tokens", 10, {"cached_input_tokens": 10}),
        ("cache_write_tokens", 10, {"cache_write_tokens": 10}),
        ("reasoning_tokens", 10, {"reasoning_tokens": 10}),
        ("rate_limit_hits", 10, {"rate_limited": 10}),
        ("error_rate", 250_000, {"requests": 8, "errors": 1, "cancelled": 1}),
    ],
)
def test_every_metric_is_read_from_its_sums(metric: str, limit: int, fields: dict[str, int]) -> None:
    of = rule(metric=metric, limit=limit)
    kept = Kept(of)
    kept.count(totals(of, **fields))
    (alert,) = kept.at(NOON_US)
    assert alert.value == limit
    assert Kept(rule(metric=metric, limit=limit + 1)).at(NOON_US) == []


def test_a_low_cache_hit_rate_is_told_of() -> None:
    of = rule(metric="cache_hit_rate", limit=200_000, direction="below", min_requests=10)
    kept = Kept(of)
    kept.count(totals(of, requests=10, cache_hits=2))
    assert kept.at(NOON_US) == []
    kept.count(totals(of, requests=11, cache_hits=2))
    assert told(kept.at(NOON_US)) == [("firing", 100)]
    kept.count(totals(of, requests=19, cache_hits=5))
    assert told(kept.at(NOON_US)) == [("resolved", 100)]


@pytest.mark.parametrize("metric", ["latency_p95", "ttft_p95"])
def test_quantiles_come_from_the_sketches_of_all_partitions(metric: str) -> None:
    of = rule(metric=metric, limit=2 * SECOND_US, window=last(600))
    name = metric.partition("_")[0] + "_sketch"
    fast, slow = bucket_of(100_000), bucket_of(5 * SECOND_US)

    def some(requests: int, bucket: int, partition: int) -> RuleTotals:
        fields: dict[str, Any] = {name: {bucket: requests}}
        return totals(of, requests=requests, partition=partition, **fields)

    kept = Kept(of)
    kept.count(some(96, fast, 0), some(4, slow, 1))
    assert kept.at(NOON_US) == []
    kept.count(some(10, slow, 1))
    (alert,) = kept.at(NOON_US)
    assert alert.value == pytest.approx(5 * SECOND_US, rel=0.01)


# Projections


def test_a_projection_is_told_of_with_its_value() -> None:
    of = rule(kind="projected")
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=49 * USD))
    assert kept.at(NOON_US) == []
    kept.count(totals(of, cost_nanos=50 * USD))
    (alert,) = kept.at(NOON_US)
    assert (alert.kind, alert.value, alert.projected) == ("projected", 50 * USD, 100 * USD)


def test_a_projection_says_nothing_early_in_its_period() -> None:
    of = rule(kind="projected")
    midnight_us = NOON_US - 12 * HOUR_US
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=20 * USD))
    assert kept.at(midnight_us + 10 * MINUTE_US) == []
    # With time alone: 20 dollars in an hour and a fifth, on their way to 400.
    assert told(kept.at(midnight_us + 73 * MINUTE_US)) == [("firing", 100)]


def test_a_projection_is_over_when_spending_stops_and_is_told_of_once_a_period() -> None:
    of = rule(kind="projected")
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=51 * USD))
    kept.at(NOON_US)
    over = [alert for hour in range(1, 12) for alert in kept.at(NOON_US + hour * HOUR_US)]
    assert told(over) == [("resolved", 100)]
    assert over[0].raised_at_us == NOON_US + 2 * HOUR_US  # 51 · 24 / 14 is under 90
    kept.count(totals(of, cost_nanos=99 * USD))
    assert kept.at(NOON_US + 11 * HOUR_US) == []


# Anomalies


def weeks_of(of: Rule, *values: int) -> list[RuleTotals]:
    return [
        totals(of, NOON_US - week * 7 * DAY_US, requests=5, cost_nanos=value * USD)
        for week, value in enumerate(values, start=1)
    ]


def test_an_anomaly_is_against_the_mean_of_the_same_hour() -> None:
    of = rule(kind="anomaly", weeks=4, factor_percent=300)
    kept = Kept(of)
    kept.count(*weeks_of(of, 10, 20, 30, 20), totals(of, NOON_US - HOUR_US, cost_nanos=500 * USD))
    kept.count(totals(of, cost_nanos=60 * USD - 1))
    assert kept.at(NOON_US) == []
    kept.count(totals(of, cost_nanos=60 * USD))
    (alert,) = kept.at(NOON_US + MINUTE_US)
    assert (alert.value, alert.baseline, alert.threshold) == (60 * USD, 20 * USD, 60 * USD)
    assert (alert.threshold_percent, alert.limit, alert.window) == (300, None, "hour")
    assert told(kept.at(NOON_US + HOUR_US)) == [("resolved", 300)]


def test_weeks_that_were_not_counted_are_not_in_the_mean() -> None:
    of = rule(kind="anomaly", weeks=8, factor_percent=300)
    kept = Kept(of)
    kept.count(*weeks_of(of, 20, 20), totals(of, cost_nanos=59 * USD))
    assert kept.at(NOON_US) == []


def test_without_a_past_nothing_is_an_anomaly_and_below_the_floor_neither() -> None:
    of = rule(kind="anomaly", min_value=50 * USD)
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=1000 * USD))
    assert kept.at(NOON_US) == []
    kept.count(*weeks_of(of, 1), totals(of, cost_nanos=49 * USD))
    assert kept.at(NOON_US) == []
    kept.count(totals(of, cost_nanos=50 * USD))
    assert told(kept.at(NOON_US)) == [("firing", 300)]


# Budgets for the edges


def test_a_budget_that_blocks_is_told_to_edges_when_it_is_used_up_and_until_its_period_ends() -> None:
    of = rule(action="block", group_by="property.team")
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=99 * USD, group="growth"))
    kept.at(NOON_US)
    assert kept.budgets == {}
    kept.count(totals(of, cost_nanos=100 * USD, group="growth"))
    kept.at(NOON_US)
    (budget,) = kept.budgets.values()
    assert (budget.scope, budget.property_name, budget.value) == ("property", "team", "growth")
    assert (budget.limit, budget.spent, budget.action) == (100 * USD, 100 * USD, "block")
    assert budget.period_end_us == NOON_US + 12 * HOUR_US
    kept.at(NOON_US + 12 * HOUR_US)
    assert kept.budgets == {}


def test_a_raised_limit_lets_calls_through_at_once() -> None:
    kept = Kept(rule(action="block"))
    kept.count(totals(rule(), cost_nanos=100 * USD))
    kept.at(NOON_US)
    assert len(kept.budgets) == 1
    kept.set(rule(action="block", limit=101 * USD, revision=2))
    kept.at(NOON_US)
    assert kept.budgets == {}


def test_thresholds_below_the_limit_only_tell() -> None:
    kept = Kept(rule(action="block", thresholds_percent=(50,)))
    kept.count(totals(rule(), cost_nanos=60 * USD))
    assert told(kept.at(NOON_US)) == [("firing", 50)]
    assert kept.budgets == {}


@pytest.mark.parametrize(
    ("filter_", "scope"),
    [
        (None, ("project", "", "")),
        ({"field": "user_id", "op": "eq", "value": "ada"}, ("user", "ada", "")),
        ({"field": "key_id", "op": "eq", "value": "key_1"}, ("key", "key_1", "")),
        ({"field": "model", "op": "eq", "value": "gpt-4o"}, ("model", "gpt-4o", "")),
        ({"field": "provider", "op": "eq", "value": "openai"}, ("provider", "openai", "")),
        ({"field": "property.Team", "op": "eq", "value": "Growth"}, ("property", "Growth", "team")),
    ],
)
def test_a_budget_of_some_calls_blocks_those(filter_: Any, scope: tuple[str, str, str]) -> None:
    of = rule(action="block", filter=filter_)
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=100 * USD))
    kept.at(NOON_US)
    (budget,) = kept.budgets.values()
    assert (budget.scope, budget.value, budget.property_name) == scope


def test_with_reservations_edges_know_what_is_spent_from_the_first_call() -> None:
    of = rule(action="block", reserve=True)
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=1 * USD))
    kept.at(NOON_US)
    (first,) = kept.budgets.values()
    kept.count(totals(of, cost_nanos=2 * USD))
    kept.at(NOON_US)
    (second,) = kept.budgets.values()
    assert (first.spent, second.spent) == (USD, 2 * USD)
    assert second.version > first.version


def test_versions_grow_though_a_clock_is_put_back() -> None:
    of = rule(action="block")
    kept = Kept(of)
    kept.count(totals(of, cost_nanos=100 * USD))
    kept.at(NOON_US)
    (first,) = kept.budgets.values()
    kept.restart()
    kept.count(totals(of, cost_nanos=101 * USD))
    kept.at(NOON_US - HOUR_US)
    (second,) = kept.budgets.values()
    assert second.version > first.version


# Once, whatever happens

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["count", "repeat", "restart", "lost", "back", "forward"]),
        st.integers(0, 3),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=60,
)


@given(STEPS, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]))
def test_no_alert_is_told_twice_and_none_is_missing(steps: list[tuple[str, int, int]], zone: str) -> None:
    """Counts, repeats, restarts, an evaluation whose writing was cut off, and clocks that jump."""
    of = rule(thresholds_percent=(50, 80, 100), time_zone=zone, group_by="user")
    kept = Kept(of)
    now_us = NOON_US
    summed: dict[tuple[str, int], RuleTotals] = {}
    for step, which, amount in steps:
        group = f"user-{which}"
        if step in ("count", "lost"):
            now_us += amount * 30 * MINUTE_US
            each = totals(of, now_us, group=group, partition=which % 2)
            key = (group, each.bucket_start_us)
            held = summed.get(key)
            cost = amount * 3 * USD + (held.cost_nanos if held else 0)
            summed[key] = each.model_copy(update={"cost_nanos": cost})
            kept.count(summed[key])
        elif step == "repeat":
            kept.count(*summed.values())
        elif step == "back":
            now_us -= amount * 5 * MINUTE_US
        elif step == "forward":
            now_us += amount * 20 * MINUTE_US
        if step == "lost":
            kept.at(now_us, written=False)
        if step in ("restart", "lost"):
            kept.restart()
        kept.at(now_us)
    ids = [alert.alert_id for alert in kept.alerts]
    assert len(ids) == len(set(ids))
    fired = {
        (alert.group, alert.period_start_us, alert.threshold_percent)
        for alert in kept.alerts
        if alert.state == "firing"
    }
    assert fired == {
        (group, start_us, percent)
        for (group, start_us), each in summed.items()
        for percent in (50, 80, 100)
        if each.cost_nanos >= percent * USD
    }
    resolved = [alert.resolves for alert in kept.alerts if alert.state == "resolved"]
    assert set(resolved) <= set(ids)


def test_a_sum_that_is_dropped_is_gone() -> None:
    of = rule(metric="requests", limit=5, window=last(60), group_by="user")
    kept = Kept(of)
    each = totals(of, requests=9, group="ada")
    kept.count(each)
    kept.at(NOON_US)
    kept.evaluator.drop(key_of(each), 0)
    assert told(kept.at(NOON_US)) == [("resolved", 100)]


def test_a_clock_that_was_wrong_by_a_day_does_not_hold_up_ends() -> None:
    of = rule(metric="requests", limit=5, window=last(60))
    kept = Kept(of)
    kept.count(totals(of, NOON_US + DAY_US, requests=9))
    assert told(kept.at(NOON_US + DAY_US)) == [("firing", 100)]
    assert told(kept.at(NOON_US)) == [("resolved", 100)]


def test_only_what_changed_or_is_due_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = judge

    def counted(of: Rule, group: str, *rest: Any) -> Any:
        looked.append(group)
        return real(of, group, *rest)

    monkeypatch.setattr("tallygate.stream_processors.budgets.evaluator.judge", counted)
    of = rule(group_by="user", window=day(period="hour"))
    kept = Kept(of)
    kept.count(*(totals(of, group=f"user-{number}") for number in range(100)))
    kept.at(NOON_US)
    assert len(looked) == 100
    kept.count(totals(of, group="user-7", requests=2))
    kept.at(NOON_US + 1)
    assert looked[100:] == ["user-7"]
