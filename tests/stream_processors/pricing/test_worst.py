"""No call costs more than what was said to be its worst case."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.budget.bounds import Bounds
from tallygate.edge.budget.worst import PlannedCall
from tallygate.infra.meter import PricedCalls
from tallygate.schemas.rules import PriceOverride
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.support.factories import NOV_2026_US, response_event

PRICER = Pricer(counter=TokenCounter(load=False))
OPENAI = ("gpt-4o", "gpt-4o-mini", "o3", "gpt-5", "gpt-5-mini", "gpt-4.1")


@given(
    st.sampled_from(OPENAI),
    st.integers(0, 2_000_000),
    st.integers(0, 200_000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from(["", "default", "priority", "flex"]),
)
def test_openai(model: str, given_: int, made: int, cached: float, thought: float, service_tier: str) -> None:
    usage = {
        "prompt_tokens": given_,
        "completion_tokens": made,
        "prompt_tokens_details": {"cached_tokens": int(given_ * cached)},
        "completion_tokens_details": {"reasoning_tokens": int(made * thought)},
    }
    event = response_event(model=model, usage=usage, service_tier=service_tier)
    cost = PRICER.price(event).cost_nanos
    worst = PRICER.worst(event, given_, made, 1)
    assert cost is not None
    assert worst is not None
    assert cost <= worst


@given(
    st.sampled_from(["claude-sonnet-4-5", "claude-opus-4-1", "claude-haiku-4-5"]),
    st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
    st.integers(0, 100_000),
)
def test_anthropic_with_cache_writes(model: str, plain: int, read: int, written: int, made: int) -> None:
    usage = {
        "input_tokens": plain,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_1h_input_tokens": written, "ephemeral_5m_input_tokens": 0},
        "output_tokens": made,
    }
    event = response_event(
        provider="anthropic", model=model, endpoint="messages", usage=usage, usage_flavor="anthropic"
    )
    cost = PRICER.price(event).cost_nanos
    worst = PRICER.worst(event, plain + read + written, made, 1)
    assert cost is not None
    assert worst is not None
    assert cost <= worst


def planned(**fields: Any) -> PlannedCall:
    given_: dict[str, Any] = {
        "project": "default",
        "method": "POST",
        "endpoint": "chat/completions",
        "at_us": NOV_2026_US,
        "stops": (("openai", "gpt-4o-mini"),),
        "bounds": Bounds(1_000, 1_000),
    }
    return PlannedCall(**(given_ | fields))


def worst(call: PlannedCall, overrides: Any = None) -> int | None:
    meter = PricedCalls()
    if overrides is not None:
        meter.follow(lambda: overrides)
    return asyncio.run(meter.worst(call))


def test_the_dearest_stop_counts() -> None:
    cheap = worst(planned())
    dear = worst(planned(stops=(("openai", "gpt-4o-mini"), ("openai", "gpt-4o"))))
    assert cheap is not None
    assert dear is not None
    assert 0 < cheap < dear


@pytest.mark.parametrize(
    "call",
    [
        planned(bounds=None),
        planned(stops=(("openai", "gpt-4o"), ("openai", "no-such-model"))),
        planned(stops=(("openai", "no-such-model"),), bounds=Bounds(None, 1)),
    ],
)
def test_without_a_price_or_a_bound_nothing_can_be_said(call: PlannedCall) -> None:
    assert worst(call) is None


def test_what_is_free_of_charge_costs_nothing() -> None:
    assert worst(planned(method="GET", endpoint="files", bounds=None)) == 0
    assert worst(planned(endpoint="moderations", bounds=None)) == 0


def test_without_bounds_of_its_own_a_call_may_fill_the_window() -> None:
    by_window = worst(planned(bounds=Bounds(None, None)))
    assert by_window is not None
    assert by_window > (worst(planned()) or 0)


def test_agreed_prices_and_fees_count() -> None:
    agreed = PriceOverride(
        price_id="price_1",
        project="default",
        model="gpt-4o-mini",
        prices={"input": Decimal(1), "output": Decimal(2)},
        per_request=Decimal("0.5"),
        created_at_us=1,
    )
    assert worst(planned(), {"default": (agreed,)}) == 500_000_000 + 1_000 * 1_000 + 1_000 * 2_000
