"""Made-up calls of a few weeks, the same in every run, and sums over them by hand."""

import functools
import random
from collections.abc import Iterable
from typing import Any

from tallygate.runtime.clickhouse import EmbeddedTarget, connect
from tallygate.schemas.call import Attempt
from tallygate.schemas.records import Call
from tests.support.api import stored
from tests.support.chdb_engine import migrated_target
from tests.support.factories import call

OCT_20_US = 1_792_454_400_000_000
"""2026-10-20 00:00:00 UTC: clocks in Berlin go back on the 25th."""
HOUR_US = 3_600_000_000
DAYS = 12


@functools.cache
def month() -> tuple[list[Call], EmbeddedTarget]:
    """The calls, and a database with them and with others of another project."""
    dice = random.Random(7)
    calls = [_one(dice) for _ in range(400)]
    others = [call(project="other", model="a", user_id="u1", received_at_us=OCT_20_US) for _ in range(3)]
    target = migrated_target()
    stored([*calls, *others], target=target)
    session = connect(target)
    session.command("OPTIMIZE TABLE call_log FINAL")  # which makes the projections
    session.close()
    return calls, target


def _one(dice: random.Random) -> Call:
    received_at_us = OCT_20_US + dice.randrange(DAYS * 24) * HOUR_US
    # Many on whole hours, where mistakes at the borders show.
    received_at_us += dice.choice([0, 0, 1, HOUR_US - 1, dice.randrange(HOUR_US)])
    failed, priced, cached = dice.random() < 0.2, dice.random() < 0.9, dice.choice(["", "hit", "miss"])
    latency_us = dice.randrange(1, 5_000_000)
    properties = {name: dice.choice(["x", "y", "z"]) for name in ("Env", "Tier") if dice.random() < 0.7}
    outcome = "provider_error" if failed else "cache_hit" if cached == "hit" else "ok"
    return call(
        received_at_us=received_at_us,
        ended_at_us=received_at_us + latency_us,
        latency_us=latency_us,
        ttft_us=dice.choice([None, latency_us // 2]),
        model=dice.choice("aaaabbc"),
        provider=dice.choice(["openai", "anthropic"]),
        user_id=dice.choice(["", "u1", "u2", "u3", "u/4"]),
        key_id=dice.choice(["k1", "k2"]),
        properties=properties,
        status=dice.choice([429, 500]) if failed else 200,
        outcome=outcome,
        error_code="rate_limited" if failed else "",
        stream=dice.random() < 0.5,
        priced=priced,
        cost_nanos=dice.randrange(10**9) if priced else None,
        input_tokens=dice.randrange(1000),
        output_tokens=dice.randrange(1000),
        cache=cached,
        cache_saved_nanos=dice.randrange(10**9) if cached == "hit" else None,
        session_id=dice.choice(["", "s1", "s2", "s3"]),
        session_path=dice.choice(["/plan", "/plan/search", "answer"]),
        attempts=tuple(
            Attempt(provider="openai", status=429, started_at_us=0) for _ in range(dice.choice([0, 0, 1, 2]))
        ),
        rate_limit={},
    )


def sums(calls: Iterable[Call]) -> dict[str, Any]:
    """What the reports call totals, as far as they are whole numbers."""
    calls = list(calls)
    return {
        "requests": len(calls),
        "errors": sum(one.outcome not in ("ok", "cache_hit") for one in calls),
        "unpriced": sum(not one.priced for one in calls),
        "cost_nanos": sum(one.cost_nanos or 0 for one in calls),
        "input_tokens": sum(one.input_tokens for one in calls),
        "output_tokens": sum(one.output_tokens for one in calls),
    }


def same(told: dict[str, Any], calls: Iterable[Call]) -> bool:
    """Whether what was told has the sums of these calls."""
    expected = sums(calls)
    return {name: told[name] for name in expected} == expected
