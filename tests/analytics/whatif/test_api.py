"""`POST /api/v1/what-if` over calls in ClickHouse."""

from typing import Any

import pytest

from tests.support.api import running_api, stored
from tests.support.factories import NOV_2026_US, call

PERIOD = {"from": "2026-11-06T00:00:00Z", "to": "2026-11-10T00:00:00Z"}
TO_4O = {"model": "gpt-4o-mini*", "to_provider": "openai", "to_model": "gpt-4o"}


def one(**fields: Any) -> Any:
    """1 000 + 100 tokens of gpt-4o-mini: $0.15 and $0.60 a million, so 210 000 nano-dollars."""
    values = {"model": "gpt-4o-mini", "input_tokens": 1000, "output_tokens": 100, "cost_nanos": 210_000}
    return call(**(values | fields))


async def test_calls_on_another_model_cost_its_price() -> None:
    calls = [one(), one(), one(model="gpt-5", cost_nanos=5), one(project="other"), one(token_source="none")]
    async with running_api(stored(calls)) as api:
        told = await api.post("/api/v1/what-if", PERIOD | {"substitutions": [TO_4O]})
    assert (told["requests"], told["actual_nanos"]) == (3, 420_005)
    # gpt-4o: $2.50 and $10 a million.
    assert (told["scenario_nanos"], told["scenario_usd"]) == (7_000_005, "0.007000005")
    assert told["difference_usd"] == "0.006580000"
    assert [(line["model"], line["to_model"]) for line in told["models"]] == [
        ("gpt-4o-mini", "gpt-4o"),
        ("gpt-5", ""),
    ]


async def test_filters_and_periods_hold() -> None:
    calls = [one(user_id="ada"), one(user_id="alan"), one(user_id="ada", received_at_us=NOV_2026_US - 10**13)]
    asked = PERIOD | {"substitutions": [TO_4O], "filter": {"field": "user_id", "op": "eq", "value": "ada"}}
    async with running_api(stored(calls)) as api:
        told = await api.post("/api/v1/what-if", asked)
    assert (told["requests"], told["scenario_nanos"]) == (1, 3_500_000)


async def test_a_tier_is_chosen_call_by_call() -> None:
    # Gemini 2.5 Pro: $1.25 a million, above 200 000 input tokens $2.50; output $10 and $15.
    calls = [one(input_tokens=200_000, output_tokens=10), one(input_tokens=200_001, output_tokens=10)]
    to = {"to_provider": "google", "to_model": "gemini-2.5-pro"}
    async with running_api(stored(calls)) as api:
        told = await api.post("/api/v1/what-if", PERIOD | {"substitutions": [to]})
    assert told["scenario_nanos"] == 200_000 * 1250 + 10 * 10_000 + 200_001 * 2500 + 10 * 15_000


async def test_repeated_bodies_cost_once_in_a_stretch_of_time() -> None:
    hour_us = 3_600_000_000
    start_us = NOV_2026_US // hour_us * hour_us
    same = [one(prompt="same", received_at_us=start_us + n * 1_000_000) for n in range(3)]
    later = one(prompt="same", received_at_us=start_us + hour_us)
    others = [
        one(prompt="another"),
        one(prompt="same", model="gpt-4o-mini-2"),
        one(prompt="", prompt_bytes=0),
    ]
    failed = one(prompt="same", outcome="provider_error", status=500, received_at_us=start_us + 5)
    async with running_api(stored([*same, later, *others, failed])) as api:
        told = await api.post("/api/v1/what-if", PERIOD | {"cache": {"ttl_s": 3600}})
        both = await api.post(
            "/api/v1/what-if", PERIOD | {"cache": {"ttl_s": 3600}, "substitutions": [TO_4O]}
        )
    assert (told["requests"], told["repeats"], told["saved_by_cache_nanos"]) == (8, 2, 420_000)
    assert told["scenario_nanos"] == told["actual_nanos"] - 420_000
    assert (both["repeats"], both["saved_by_cache_nanos"]) == (2, 7_000_000)
    assert both["scenario_nanos"] == 6 * 3_500_000


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "substitutions, or cache"),
        ({"substitutions": [TO_4O | {"to_model": "gpt-99"}]}, "gpt-99 at openai"),
        ({"substitutions": [{"to_provider": "openai"}]}, "to_model"),
        ({"substitutions": [TO_4O], "from": "2026-11-10", "to": "2026-11-09"}, "later than"),
        ({"cache": {"ttl_s": 0}}, "ttl_s"),
        ({"substitutions": [TO_4O], "filter": {"field": "no"}}, "filter"),
    ],
)
async def test_mistakes_are_told(asked: dict[str, Any], message: str) -> None:
    async with running_api() as api:
        told = await api.post("/api/v1/what-if", asked, status=400)
    assert message in told["error"]["message"]
