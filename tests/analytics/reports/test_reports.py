"""The reports that are more than sums: trees, properties, cache, limits, errors."""

from typing import Any

import pytest

from tallygate.analytics.reports.series import NOTHING
from tallygate.analytics.reports.tree import MAX_DEPTH, step_tree
from tallygate.schemas.call import Attempt
from tests.support.api import running_api, stored
from tests.support.factories import NOV_2026_US, call
from tests.support.month import DAYS, OCT_20_US, month, same

HOUR_US = 3_600_000_000
PERIOD = (("from", str(NOV_2026_US - HOUR_US)), ("to", str(NOV_2026_US + 10 * HOUR_US)))


def steps(root: dict[str, Any]) -> dict[str, tuple[int, int, list[str]]]:
    """Every step of a tree: cost of its own, cost with all below, names of its steps."""
    names = [step["name"] for step in root["steps"]]
    found = {root["path"]: (root["own"]["cost_nanos"], root["total"]["cost_nanos"], names)}
    for step in root["steps"]:
        found |= steps(step)
    return found


async def test_a_session_is_a_tree_with_the_cost_of_each_step() -> None:
    paths = ["/plan", "/plan/search", "plan/search/", "/answer", "", "/deep/er"]
    calls = [
        call(
            session_id="run 1/ä",
            session_name="trip",
            session_path=path,
            cost_nanos=10**n,
            received_at_us=NOV_2026_US + n,
            ended_at_us=NOV_2026_US + n + 1000,
        )
        for n, path in enumerate(paths)
    ]
    others = [call(session_id="run 1/ä", project="other"), call(session_id="run 2")]
    async with running_api(stored([*calls, *others])) as api:
        told = await api.get("/api/v1/sessions/run%201%2F%C3%A4")
        await api.get("/api/v1/sessions/none", status=404)
    assert steps(told["root"]) == {
        "": (10_000, 111_111, ["plan", "answer", "deep"]),
        "/plan": (1, 111, ["search"]),
        "/plan/search": (110, 110, []),
        "/answer": (1_000, 1_000, []),
        "/deep": (0, 100_000, ["er"]),
        "/deep/er": (100_000, 100_000, []),
    }
    assert told["root"]["steps"][0]["steps"][0]["request_ids"] == [calls[1].request_id, calls[2].request_id]
    assert [one["request_id"] for one in told["calls"]] == [one.request_id for one in calls]
    assert (told["session"]["name"], told["session"]["duration_ms"], told["truncated"]) == (
        "trip",
        pytest.approx(1.005),
        False,
    )
    assert same(told["session"], calls)


async def test_sessions_by_pages() -> None:
    calls, target = month()
    named = [one for one in calls if one.session_id]
    period = (("from", str(OCT_20_US)), ("to", str(OCT_20_US + DAYS * 24 * HOUR_US)))
    async with running_api(target) as api:
        for sort in ("latest", "cost", "requests", "duration"):
            whole = await api.get("/api/v1/sessions", *period, ("sort", sort))
            first = await api.get("/api/v1/sessions", *period, ("sort", sort), ("limit", "2"))
            rest = await api.get("/api/v1/sessions", *period, ("sort", sort), ("offset", "2"))
            assert first["sessions"] + rest["sessions"] == whole["sessions"]
            assert (whole["count"], first["next_offset"], rest["next_offset"]) == (3, 2, None)
            for session in whole["sessions"]:
                assert same(session, [one for one in named if one.session_id == session["session_id"]])


async def test_workflows_by_property_and_by_session_name() -> None:
    calls = [
        call(
            properties={"Workflow": "w", "Step": "a/b"},
            session_id="r1",
            cost_nanos=3,
            received_at_us=NOV_2026_US,
        ),
        call(
            properties={"workflow": "w", "step": "a"},
            session_id="r2",
            cost_nanos=6,
            received_at_us=NOV_2026_US,
        ),
        call(properties={"workflow": "w"}, session_path="/c", cost_nanos=100, received_at_us=NOV_2026_US),
        call(session_name="v", session_path="/c", session_id="r3", cost_nanos=7, received_at_us=NOV_2026_US),
        call(session_name="w", project="other", received_at_us=NOV_2026_US),
        call(received_at_us=NOV_2026_US),
    ]
    async with running_api(stored(calls)) as api:
        told = await api.get("/api/v1/workflows", *PERIOD)
        one = await api.get("/api/v1/workflows/w", *PERIOD)
        await api.get("/api/v1/workflows/none", *PERIOD, status=404)
    rows = [
        (
            each["name"],
            each["requests"],
            each["cost_nanos"],
            each["runs"],
            each["steps"],
            each["cost_nanos_per_run"],
        )
        for each in told["workflows"]
    ]
    # The mean of runs is over the calls that name one.
    assert rows == [("w", 3, 109, 2, 3, 4), ("v", 1, 7, 1, 1, 7)]
    assert steps(one["root"]) == {
        "": (0, 109, ["a", "c"]),
        "/a": (6, 9, ["b"]),
        "/a/b": (3, 3, []),
        "/c": (100, 100, []),
    }


def test_a_path_without_end_is_cut() -> None:
    deep = "/".join(["x"] * 1000)
    root = step_tree({deep: NOTHING, "/": NOTHING}, {deep: ["id"]})
    depth = 0
    while root.steps:
        (root,) = root.steps
        depth += 1
    assert (depth, root.name, root.request_ids) == (MAX_DEPTH, "…", ["id"])


async def test_properties_by_name_whatever_the_case() -> None:
    calls = [
        call(properties={"Env": "a", "Tier": "1"}, cost_nanos=1, received_at_us=NOV_2026_US),
        call(properties={"env": "b"}, cost_nanos=2, received_at_us=NOV_2026_US),
        call(properties={}, cost_nanos=4, received_at_us=NOV_2026_US),
        call(properties={"Secret": "x"}, project="other", received_at_us=NOV_2026_US),
    ]
    async with running_api(stored(calls)) as api:
        told = await api.get("/api/v1/properties", *PERIOD)
        cut = await api.get("/api/v1/properties", *PERIOD, ("limit", "1"))
        values = await api.get("/api/v1/properties/ENV", *PERIOD)
        await api.get(f"/api/v1/properties/{'x' * 65}", *PERIOD, status=400)
    assert [
        (each["name"], each["requests"], each["values"], each["cost_nanos"]) for each in told["properties"]
    ] == [
        ("env", 2, 2, 3),
        ("tier", 1, 1, 1),
    ]
    assert told["properties"][0]["sent_as"] in ("Env", "env")
    assert (len(cut["properties"]), cut["truncated"], told["truncated"]) == (1, True, False)
    assert {group["name"]: group["cost_nanos"] for group in values["groups"]} == {"a": 1, "b": 2, "": 4}


async def test_what_the_cache_saved() -> None:
    at = {"received_at_us": NOV_2026_US}
    hit = {"cache": "hit", "outcome": "cache_hit", "cost_nanos": 0, "latency_us": 1000, **at}
    calls = [
        call(model="a", cache="miss", latency_us=9000, prompt="p", **at),
        call(model="a", cache="miss", latency_us=11_000, prompt="p", **at),
        call(model="a", cache_saved_nanos=5, prompt="p", **hit),
        call(model="a", cache_saved_nanos=5, prompt="p", **hit),
        call(model="a", cache_saved_nanos=None, prompt="q" * 1000, **hit),
        call(model="b", cache_saved_nanos=7, prompt="p", **hit),
        call(model="c", **at),
        call(model="a", project="other", cache_saved_nanos=100, **hit),
    ]
    async with running_api(stored(calls)) as api:
        told = await api.get("/api/v1/cache", *PERIOD)
        entries = (await api.get("/api/v1/cache/entries", *PERIOD))["entries"]
        none = await api.get("/api/v1/cache", ("from", "2020-01-01"), ("to", "2020-01-02"))
    total, first = told["total"], told["models"][0]
    assert (total["hits"], total["misses"], total["saved_nanos"], total["unpriced_hits"]) == (4, 2, 17, 1)
    # Three hits of 1 ms where a miss takes 10 ms; of b no miss is known.
    assert (first["model"], first["hits"], first["hit_rate"], first["saved_ms"]) == ("a", 3, 0.6, 27.0)
    assert total["saved_ms"] == 27.0
    assert [
        (entry["model"], entry["hits"], entry["saved_nanos"], len(entry["prompt"])) for entry in entries
    ] == [
        ("a", 2, 10, 1),
        ("a", 1, 0, 500),
        ("b", 1, 7, 1),
    ] or len(entries) == 3
    assert (none["total"]["hits"], none["total"]["hit_rate"], none["models"]) == (0, None, [])


def throttled(count: int) -> tuple[Attempt, ...]:
    """Tries of OpenAI that it would not take, and one of another that worked."""
    tries = [Attempt(provider="openai", status=429, started_at_us=0)] * count
    return (*tries, Attempt(provider="groq", status=200, started_at_us=0))


async def test_who_was_throttled_and_what_is_left() -> None:
    openai = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499"}
    anthropic = {"anthropic-ratelimit-tokens-limit": "9000", "anthropic-ratelimit-tokens-remaining": "8000"}
    strange = {"x-ratelimit-remaining-requests": "lots"}
    calls = [
        call(key_id="k1", attempts=throttled(2), rate_limit={}, received_at_us=NOV_2026_US),
        call(key_id="k1", attempts=throttled(1), rate_limit={}, received_at_us=NOV_2026_US + HOUR_US),
        call(
            key_id="k2",
            outcome="rejected",
            status=429,
            error_code="rate_limited",
            provider="",
            attempts=(),
            rate_limit={},
            received_at_us=NOV_2026_US,
        ),
        call(key_id="k1", rate_limit=openai, received_at_us=NOV_2026_US),
        call(
            key_id="k1",
            rate_limit=openai | {"x-ratelimit-remaining-requests": "7"},
            received_at_us=NOV_2026_US + 1,
        ),
        call(key_id="k1", provider="anthropic", rate_limit=anthropic, received_at_us=NOV_2026_US),
        call(key_id="k3", rate_limit=strange, received_at_us=NOV_2026_US),
        call(key_id="k1", project="other", attempts=throttled(5), received_at_us=NOV_2026_US),
    ]
    async with running_api(stored(calls)) as api:
        told = await api.get("/api/v1/rate-limits", *PERIOD)
        of_k2 = await api.get("/api/v1/rate-limits", *PERIOD, ("key", "k2"))
        left = await api.get("/api/v1/rate-limits/capacity", *PERIOD)
        rows = await api.rows("SELECT sum(throttled), countIf(refused) FROM rate_limits")
    times = [(each["time"], each["provider"], each["tries"]) for each in told["over_time"]]
    assert times == [
        ("2026-11-06T21:00:00Z", "", 1),
        ("2026-11-06T21:00:00Z", "openai", 2),
        ("2026-11-06T22:00:00Z", "openai", 1),
    ]
    assert (told["total_tries"], of_k2["total_tries"], rows) == (4, 1, [[3, 1]])
    assert {(each["key_id"], each["provider"], each["tries"]) for each in told["by_key"]} == {
        ("k1", "openai", 3),
        ("k2", "", 1),
    }
    latest = {each["provider"]: each for each in left["latest"]}
    assert (latest["openai"]["limit_requests"], latest["openai"]["remaining_requests"]) == (500, 7)
    assert (latest["anthropic"]["limit_tokens"], latest["anthropic"]["remaining_tokens"]) == (9000, 8000)
    assert {each["remaining_requests"] for each in left["over_time"] if each["provider"] == "openai"} == {7}


async def test_errors_that_differ_in_numbers_are_one() -> None:
    failed: dict[str, Any] = {"outcome": "provider_error", "status": 500, "received_at_us": NOV_2026_US}
    calls = [
        call(error_message="no room for 17 tokens in req_0a1b2c3d4e", user_id="a", **failed),
        call(error_message="no room for 4 tokens in req_9f8e7d6c5b", user_id="b", **failed),
        call(error_message="other", **failed),
        call(received_at_us=NOV_2026_US),
        call(error_message="other", project="x", **failed),
    ]
    async with running_api(stored(calls)) as api:
        told = await api.get("/api/v1/errors", *PERIOD)
        cut = await api.get("/api/v1/errors", *PERIOD, ("limit", "1"))
    assert [(each["message"], each["requests"], each["users"]) for each in told["errors"]] == [
        ("no room for … tokens in req_…", 2, 2),
        ("other", 1, 1),
    ]
    assert (told["failed"], told["truncated"]) == (3, False)
    assert (len(cut["errors"]), cut["failed"], cut["truncated"]) == (1, 3, True)
