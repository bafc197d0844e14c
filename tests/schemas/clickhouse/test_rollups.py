"""Rollups are their calls' sums, whichever parts have them, and answer what they are made for."""

import random
from typing import Any

import pytest

from tallygate.runtime.clickhouse import Session, connect
from tallygate.schemas.records import Call
from tests.schemas.clickhouse.test_views import NO_PROJECTIONS, plan
from tests.support.api import stored
from tests.support.factories import NOV_2026_US, call

SUMS = """count(), countIf(NOT priced), sum(cost_nanos), sum(cache_saved_nanos), sum(input_tokens),
    sum(output_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens),
    sum(latency_us), max(latency_us)"""
FAILED = "countIf(outcome NOT IN ('ok', 'cache_hit'))"
LATENCY = "quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(latency_us)"
TTFT = "quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(ttft_us)"
DETAILS = f"""min(received_at), max(received_at), uniqCombined(user_id), {LATENCY}, {TTFT},
    sumIf(output_tokens, stream AND ttft_us < latency_us),
    sumIf(latency_us - ifNull(ttft_us, 0), stream AND ttft_us < latency_us)"""
"""As `analytics.reports.compared` asks them."""
OF_SESSIONS = "min(received_at), max(ended_at), uniq(session_path), max(session_name), max(user_id)"
HOUR, DAY = "toStartOfHour(received_at)", "toStartOfDay(received_at)"
ROLLUPS = [
    ("hourly_calls", HOUR, "model, cache", SUMS),
    ("hourly_latency", HOUR, "toHour(toStartOfHour(received_at))", f"count(), {LATENCY}, {TTFT}"),
    ("daily_models", DAY, "provider, model", f"{SUMS}, {FAILED}, {DETAILS}"),
    ("daily_users", DAY, "user_id", f"{SUMS}, {FAILED}, {DETAILS}"),
    (
        "daily_properties",
        DAY,
        "properties['feature']",
        f"{SUMS}, {FAILED}, {DETAILS}",
    ),
    ("daily_properties", DAY, "properties['team'], property_names", "count(), max(received_at)"),
    (
        "daily_sessions",
        DAY,
        "session_id",
        f"{SUMS}, {FAILED}, {OF_SESSIONS}",
    ),
]


def some_calls(seed: int, count: int) -> list[Call]:
    chance = random.Random(seed)
    return [made_call(chance) for _ in range(count)]


def made_call(chance: random.Random) -> Call:
    at_us = NOV_2026_US + chance.randrange(3 * 86_400) * 1_000_000
    latency_us, priced = chance.randrange(1, 10**8), chance.random() < 0.9
    outcome = chance.choice(("ok", "ok", "timeout", "cache_hit", "provider_error"))
    properties = {"Feature": chance.choice("ab"), "Team": chance.choice("xy")}
    fields: dict[str, Any] = {
        "received_at_us": at_us,
        "ended_at_us": at_us + latency_us,
        "latency_us": latency_us,
        "ttft_us": chance.choice((None, latency_us // 3)),
        "user_id": f"u{chance.randrange(9)}",
        "model": f"m{chance.randrange(3)}",
        "provider": chance.choice(("openai", "anthropic")),
        "outcome": outcome,
        "cache": "hit" if outcome == "cache_hit" else chance.choice(("", "miss")),
        "cache_saved_nanos": chance.randrange(10**9) if outcome == "cache_hit" else None,
        "priced": priced,
        "cost_nanos": chance.randrange(10**12) if priced else None,
        "input_tokens": chance.randrange(10**6),
        "reasoning_tokens": chance.randrange(100),
        "session_id": chance.choice(("", "s1", "s2")),
        "session_path": chance.choice(("/a", "/b")),
        "properties": {} if chance.random() < 0.2 else properties,
    }
    return call(**fields)


def sessions(parts: int) -> tuple[Session, Session]:
    """One that reads projections and one that does not, over calls in so many parts without them and as many
    in a part that has them."""
    target = stored(some_calls(0, 300))
    for number in range(1, parts):
        stored(some_calls(number, 100), target=target)
    session = connect(target)
    session.command("OPTIMIZE TABLE call_log FINAL")
    session.command("SYSTEM STOP MERGES call_log")
    for number in range(parts, 2 * parts):
        stored(some_calls(number, 100), target=target)
    return session, connect(target, settings=NO_PROJECTIONS)


@pytest.mark.parametrize(("rollup", "time", "groups", "sums"), ROLLUPS)
def test_a_rollup_is_the_sum_of_its_calls(rollup: str, time: str, groups: str, sums: str) -> None:
    session, raw = sessions(parts=3)
    since = f"toDateTime({NOV_2026_US // 1_000_000 // 86_400 * 86_400})"
    named = ", ".join(f"{group} AS g{n}" for n, group in enumerate(groups.split(", ")))
    keys = ", ".join(f"g{n}" for n in range(len(groups.split(", "))))
    query = f"SELECT {named}, {sums} FROM calls WHERE project = 'default' AND {time} >= {since}"
    query += f" GROUP BY {keys} ORDER BY {keys}"
    assert session.rows(query) == raw.rows(query)
    assert f"ReadFromMergeTree ({rollup})" in plan(session, query)
    session.close()
    raw.close()


def test_an_insert_makes_no_rollups_and_a_merge_does() -> None:
    target = stored(some_calls(1, 50))
    session = connect(target)
    held = "SELECT uniqExact(name) FROM system.projection_parts WHERE active AND database = currentDatabase()"
    held += " AND table = 'call_log'"
    assert session.rows(held) == [(0,)]
    session.command("OPTIMIZE TABLE call_log FINAL")
    assert session.rows(held) == [(9,)]
    session.close()
