"""Rules as asked for, made and changed: what they become, what is refused, when counting begins anew."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tallygate.control.accounting.rule_specs import NewRule, RulePatch
from tallygate.control.accounting.rules import changed, new_rule
from tallygate.control.errors import InvalidError
from tallygate.schemas.rules import CalendarWindow, Rule, SlidingWindow

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NOW_US = 1_795_564_800_000_000
LATER = datetime(2026, 11, 25, 1, tzinfo=UTC)
DAILY = {"project": "default", "name": "daily", "metric": "cost", "limit_usd": "50"}
EQ = {"field": "user_id", "op": "eq", "value": "ada"}


def make(**given: Any) -> Rule:
    return new_rule(NewRule.model_validate(DAILY | given), "rule_1", "Europe/Berlin", NOW)


def without_limit(**given: Any) -> Rule:
    asked = {name: value for name, value in DAILY.items() if name != "limit_usd"} | given
    return new_rule(NewRule.model_validate(asked), "rule_1", "UTC", NOW)


def change(rule: Rule, **given: Any) -> Rule:
    return changed(rule, RulePatch.model_validate(given), "Asia/Tokyo", LATER)


def test_the_shortest_rule_is_a_daily_notice() -> None:
    assert make() == Rule(
        rule_id="rule_1",
        project="default",
        name="daily",
        metric="cost",
        limit=50_000_000_000,
        window=CalendarWindow(period="day"),
        time_zone="Europe/Berlin",
        created_at_us=NOW_US,
        updated_at_us=NOW_US,
    )


@pytest.mark.parametrize(
    ("given", "window"),
    [
        ("month", CalendarWindow(period="month")),
        ("15m", SlidingWindow(seconds=900)),
        ("7d", SlidingWindow(seconds=604_800)),
        ({"kind": "calendar", "period": "hour"}, CalendarWindow(period="hour")),
        ({"kind": "sliding", "seconds": 60}, SlidingWindow(seconds=60)),
    ],
)
def test_windows_in_short_and_in_full(given: Any, window: object) -> None:
    assert make(window=given).window == window


def test_what_is_given_is_put_in_order() -> None:
    rule = make(
        thresholds_percent=[100, 50, 80, 50],
        group_by="property.Team",
        time_zone="Asia/Tokyo",
        muted_until="2026-11-25T01:00:00+01:00",
        filter={"and": [EQ, {"not": {"field": "property.Env", "op": "eq", "value": "dev"}}]},
    )
    assert rule.thresholds_percent == (50, 80, 100)
    assert rule.group_by == "property.team"
    assert rule.time_zone == "Asia/Tokyo"
    assert rule.muted_until_us == rule.created_at_us
    assert Rule.model_validate_json(rule.model_dump_json()) == rule


def test_an_anomaly_needs_no_limit_and_looks_at_hours() -> None:
    rule = without_limit(kind="anomaly", factor="2.5", min_value_usd="1", weeks=2)
    assert (rule.window, rule.factor_percent, rule.min_value, rule.weeks, rule.limit) == (
        CalendarWindow(period="hour"),
        250,
        10**9,
        2,
        0,
    )


@pytest.mark.parametrize(
    "given",
    [
        {"action": "block"},
        {"action": "block", "reserve": True, "group_by": "key", "window": "month"},
        {"action": "warn", "group_by": "property.team"},
        {"action": "block", "filter": EQ},
        {"action": "block", "filter": {"field": "property.Env", "op": "eq", "value": "dev"}},
        {"metric": "total_tokens", "limit_usd": None, "limit": 5, "action": "block", "group_by": "model"},
        {"kind": "projected", "window": "month", "thresholds_percent": [100, 120]},
        {"metric": "requests", "limit_usd": None, "limit": 5, "window": "10m", "direction": "below"},
        {"metric": "cache_hit_rate", "limit_usd": None, "limit_percent": 20, "direction": "below"},
        {"metric": "ttft_p99", "limit_usd": None, "limit_ms": 1500, "window": "5m", "min_requests": 20},
    ],
)
def test_sensible_rules(given: dict[str, Any]) -> None:
    rule = make(**given)
    assert change(rule, name="again").name == "again"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"limit_usd": None}, "limit"),
        ({"limit_usd": 0}, "limit"),
        ({"limit_usd": None, "limit_ms": 5}, "limit_ms"),
        ({"metric": "error_rate", "limit_usd": None, "limit": 2 * 10**6}, "limit"),
        ({"kind": "anomaly"}, "limit"),
        ({"kind": "anomaly", "limit_usd": None, "window": "day"}, "window"),
        ({"kind": "anomaly", "limit_usd": None, "thresholds_percent": [50]}, "thresholds_percent"),
        ({"kind": "anomaly", "limit_usd": None, "direction": "below"}, "direction"),
        ({"kind": "anomaly", "limit_usd": None, "action": "block"}, "action"),
        ({"kind": "anomaly", "limit_usd": None, "min_value_ms": 5}, "min_value_ms"),
        ({"kind": "projected", "window": "15m"}, "window"),
        ({"kind": "projected", "metric": "latency_p50", "limit_usd": None, "limit_ms": 5}, "kind"),
        ({"kind": "projected", "direction": "below"}, "direction"),
        ({"kind": "projected", "action": "warn"}, "action"),
        ({"direction": "below"}, "direction"),
        ({"direction": "below", "window": "15m", "thresholds_percent": [50]}, "thresholds_percent"),
        ({"direction": "below", "window": "15m", "action": "block"}, "action"),
        ({"metric": "error_rate", "limit_usd": None, "limit_percent": 5, "action": "block"}, "action"),
        ({"action": "block", "window": "15m"}, "window"),
        ({"action": "block", "min_requests": 1}, "min_requests"),
        ({"action": "block", "filter": {**EQ, "op": "ne"}}, "filter"),
        ({"action": "block", "filter": {"and": [EQ]}}, "filter"),
        ({"action": "block", "filter": {"field": "status", "op": "eq", "value": 200}}, "filter"),
        ({"action": "warn", "filter": EQ, "group_by": "model"}, "filter"),
        ({"reserve": True}, "reserve"),
        ({"reserve": True, "action": "warn"}, "reserve"),
        (
            {"reserve": True, "action": "block", "metric": "requests", "limit_usd": None, "limit": 5},
            "reserve",
        ),
    ],
)
def test_rules_that_make_no_sense(given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidError) as caught:
        make(**given)
    assert caught.value.param == param
    assert str(caught.value)


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"metric": "spend"}, "metric"),
        ({"limit_usd": "much"}, "limit_usd"),
        ({"limit_usd": "-1"}, "limit_usd"),
        ({"limit_usd": "NaN"}, "limit_usd"),
        ({"limit_usd": "Infinity"}, "limit_usd"),
        ({"limit_usd": "0.0000000001"}, "limit_usd"),
        ({"limit_usd": "1e9999"}, "limit_usd"),
        ({"limit": 2**63}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit_percent": "100.1"}, "limit_percent"),
        ({"group_by": "team"}, "group_by"),
        ({"group_by": "property."}, "group_by"),
        ({"group_by": "property." + "x" * 65}, "group_by"),
        ({"group_by": "property.a\n"}, "group_by"),
        ({"window": "fortnight"}, "window"),
        ({"window": "59s"}, "window"),
        ({"window": "32d"}, "window"),
        ({"window": {"kind": "calendar", "perod": "day"}}, "window"),
        ({"window": {"kind": "sliding", "seconds": 60, "period": "day"}}, "window"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"thresholds_percent": []}, "thresholds_percent"),
        ({"thresholds_percent": [0]}, "thresholds_percent"),
        ({"thresholds_percent": [1001]}, "thresholds_percent"),
        ({"thresholds_percent": list(range(1, 12))}, "thresholds_percent"),
        ({"hysteresis_percent": 100}, "hysteresis_percent"),
        ({"weeks": 9}, "weeks"),
        ({"factor": 1}, "factor"),
        ({"muted_until": "2026-11-25T00:00:00"}, "muted_until"),
        ({"channels": ["chan_1"]}, "channels"),
        ({"filter": {"field": "nothing", "op": "eq", "value": "x"}}, "filter"),
        ({"filter": "model=gpt-4o"}, "filter"),
        ({"limits_usd": "5"}, "limits_usd"),
        ({"name": "a\nb"}, "name"),
        ({"rule_id": "rule_mine"}, "rule_id"),
    ],
)
def test_values_that_are_none_of_a_rule(given: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NewRule.model_validate(DAILY | given)
    assert where in {error["loc"][0] for error in caught.value.errors()}


@pytest.mark.parametrize(
    ("given", "anew"),
    [
        ({"name": "x"}, False),
        ({"limit_usd": "60"}, False),
        ({"thresholds_percent": [50]}, False),
        ({"channels": []}, False),
        ({"muted_until": "2030-01-01T00:00:00Z"}, False),
        ({"action": "block"}, False),
        ({"min_requests": 5}, False),
        ({"enabled": True}, False),
        ({"enabled": False}, False),
        ({"window": "day"}, False),
        ({"time_zone": "Europe/Berlin"}, False),
        ({"time_zone": None}, True),
        ({"window": "week"}, True),
        ({"group_by": "user"}, True),
        ({"filter": EQ}, True),
        ({"kind": "projected"}, True),
        ({"metric": "requests", "limit": 5}, True),
    ],
)
def test_a_change_counts_anew_only_if_it_counts_otherwise(given: dict[str, Any], anew: bool) -> None:
    rule = make()
    after = change(rule, **given)
    assert after.revision == 2
    assert after.counting_revision == (2 if anew else 1)


@pytest.mark.parametrize("given", [{"name": "x"}, {"channels": []}, {"muted_until": "2030-01-01T00:00:00Z"}])
def test_who_is_told_can_change_without_changing_what_fires(given: dict[str, Any]) -> None:
    rule = make()
    assert change(rule, **given).updated_at_us == rule.updated_at_us < change(rule, limit=5).updated_at_us


def test_a_rule_that_was_off_counts_anew() -> None:
    off = change(make(), enabled=False)
    on = change(off, enabled=True)
    assert (off.counting_revision, on.counting_revision, on.revision) == (1, 2, 3)


def test_a_patch_changes_what_it_names_and_null_clears() -> None:
    rule = make(filter=EQ, muted_until="2030-01-01T00:00:00Z", channels=["chan_" + "0" * 32])
    after = change(rule, filter=None, muted_until=None, window="15m")
    changes = {"filter": None, "muted_until_us": None, "window": SlidingWindow(seconds=900)}
    now_us = NOW_US + 3_600_000_000
    revisions = {"revision": 2, "counting_revision": 2, "updated_at_us": now_us}
    assert after == rule.model_copy(update={**changes, **revisions})
    assert change(rule, time_zone=None).time_zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"metric": "requests"}, "limit"),
        ({"metric": "error_rate"}, "limit"),
        ({"limit_ms": 5}, "limit_ms"),
        ({"limit": 0}, "limit"),
        ({"reserve": True}, "reserve"),
        ({"kind": "anomaly"}, "limit"),
    ],
)
def test_changes_that_make_no_sense(given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidError) as caught:
        change(make(), **given)
    assert caught.value.param == param


def test_a_threshold_becomes_an_anomaly_and_back() -> None:
    anomaly = change(make(), kind="anomaly", limit=0, window="hour")
    assert (anomaly.kind, anomaly.limit) == ("anomaly", 0)
    back = change(anomaly, kind="threshold", limit_usd="5")
    assert (back.kind, back.limit, back.counting_revision) == ("threshold", 5 * 10**9, 3)
