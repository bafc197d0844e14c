"""What ClickHouse answers for a rule's past is what the stream would have counted."""

from typing import Any

import pytest

from tallygate.analytics.requests.where import where
from tallygate.schemas.call import Attempt, Origin
from tallygate.schemas.records import Call
from tallygate.stream_processors.rules import RuleCounter
from tallygate.stream_processors.rules.backfill import BackfillAsked
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.sink.sums import ClickHouseSums
from tallygate.stream_processors.store import Placed
from tallygate.stream_processors.usage.tally import fact_of
from tests.stream_processors.rules.books import book, rule
from tests.support.chdb_engine import migrated_target
from tests.support.factories import NOV_2026_US, call

HOUR_US = 3_600_000_000
NOW_US = NOV_2026_US + 600_000_000
PARTITION = 3


def varied(number: int) -> dict[str, Any]:
    """Fields of a call: every counter, label and sketch is used by some."""
    limited = Attempt(provider="openai", status=429, started_at_us=NOV_2026_US)
    outcomes = ["ok", "timeout", "client_cancelled", "provider_error", "cache_hit", "rejected"]
    priced = number % 4 != 0
    return {
        "received_at_us": NOV_2026_US - number * 977_000_001,
        "outcome": outcomes[number % 6],
        "status": 429 if number % 7 == 0 else 200,
        "attempts": (limited,) if number % 5 == 0 else (),
        "priced": priced,
        "cost_nanos": 1_000 + number if priced else None,
        "cache_saved_nanos": 77 if number % 6 == 4 else None,
        "latency_us": number * 37_003 if number % 11 else 0,
        "ttft_us": None if number % 3 == 0 else number * 1_001,
        "user_id": f"u{number % 4}" if number % 9 else "",
        "key_id": f"k{number % 2}",
        "model": "" if number % 8 == 0 else "gpt-4o-mini-2024-07-18",
        "provider": "openai" if number % 10 else "",
        "properties": {"Team": f"t{number % 3}"} if number % 2 else {},
        "reasoning_tokens": number,
        "project": "other" if number % 13 == 0 else "default",
    }


CALLS = [call(origin=Origin(edge_id=f"edge-{n % 2}", seq=n), **varied(n)) for n in range(1, 200)]
MARKS = {"edge-0": 150, "edge-1": 121}

RULES: list[dict[str, Any]] = [
    {},
    {"metric": "latency_p95", "group_by": "user"},
    {"metric": "ttft_p50", "group_by": "property.team", "window": {"kind": "calendar", "period": "week"}},
    {"group_by": "model", "window": {"kind": "calendar", "period": "month"}},
    {"group_by": "provider", "window": {"kind": "sliding", "seconds": 86_400}},
    {"group_by": "key", "kind": "anomaly", "time_zone": "Asia/Kolkata"},
    {"filter": {"field": "property.Team", "op": "eq", "value": "t1"}},
    {
        "metric": "latency_p50",
        "filter": {
            "and": [
                {"field": "latency_ms", "op": "gt", "value": 900},
                {"not": {"field": "ttft_ms", "op": "exists"}},
                {"field": "attempts", "op": "gte", "value": 0},
                {"field": "cost_usd", "op": "gte", "value": "0.000001"},
            ]
        },
    },
]


@pytest.fixture(scope="module")
def sums() -> Any:
    target = migrated_target()
    store = ClickHouseStore(target)
    store.insert_calls(PARTITION, [Placed(each.origin.seq, each) for each in CALLS])
    elsewhere = [call(origin=Origin(edge_id="edge-0", seq=5), received_at_us=NOV_2026_US)]
    store.insert_calls(PARTITION + 1, [Placed(5, each) for each in elsewhere])
    store.close()
    asking = ClickHouseSums(target, where)
    yield asking
    asking.close()


def was_counted(one: Call) -> bool:
    return one.origin.seq <= MARKS[one.origin.edge_id]


@pytest.mark.parametrize("fields", RULES, ids=str)
def test_the_past_is_what_the_stream_would_have_counted(sums: ClickHouseSums, fields: dict[str, Any]) -> None:
    one = rule(**fields)
    late = RuleCounter(PARTITION, [])
    late.follow(book(one), MARKS, NOW_US)
    (asked,) = late.pending(NOW_US)
    assert isinstance(asked, BackfillAsked)
    late.add_backfill(asked, sums.sums(asked), NOW_US)

    early = RuleCounter(PARTITION, [])
    early.follow(book(one), {}, NOW_US)
    early.count([(each, fact_of(each)) for each in CALLS if was_counted(each)], MARKS)

    found, wanted = (
        {(line.group, line.bucket_start_us): line for line in counter.records() if line.progress is None}
        for counter in (late, early)
    )
    assert wanted
    assert found == wanted


def test_what_is_held(sums: ClickHouseSums) -> None:
    assert sums.held(PARTITION) == {"edge-0": 198, "edge-1": 199}
    assert sums.held(9) == {}
