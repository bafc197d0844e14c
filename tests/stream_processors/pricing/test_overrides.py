"""Prices that projects have agreed on, against sums made by hand in nano-dollars."""

from decimal import Decimal
from typing import Any

import pytest

from tallygate.schemas.records import Call
from tallygate.schemas.rules import PriceOverride, PriceTier
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.support import factories

HOUR_US = 3_600_000_000
NOV_2026_US = 1_794_000_000_000_000  # 2026-11-06 21:20 UTC
COUNTER = TokenCounter(load=False)


def override(**fields: Any) -> PriceOverride:
    return PriceOverride(
        **{"price_id": "price_1", "project": "default", "model": "gpt-4o*", "created_at_us": 0, **fields}
    )


def usage(prompt: int, completion: int, *, cached: int = 0, audio: int = 0) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio},
    }


def priced(*overrides: PriceOverride, counts: dict[str, Any] | None = None, **fields: Any) -> Call:
    book = {"default": overrides}
    event = factories.response_event(
        **{
            "project": "default",
            "provider": "openai",
            "model": "gpt-4o-2024-08-06",
            "received_at_us": NOV_2026_US,
            "usage": counts or usage(1_000, 100),
            "usage_flavor": "openai.chat",
            **fields,
        }
    )
    return Pricer(counter=COUNTER, overrides=lambda: book).price(event)


LISTED = 1_000 * 2_500 + 100 * 10_000
FLAT = override(prices={"input": "2", "output": "8"})


@pytest.mark.parametrize(
    ("call", "cost"),
    [
        pytest.param(priced(), LISTED, id="none: the list's price"),
        pytest.param(priced(FLAT), 1_000 * 2_000 + 100 * 8_000, id="flat"),
        pytest.param(
            priced(FLAT, counts=usage(1_000, 100, cached=600, audio=100)),
            1_000 * 2_000 + 100 * 8_000,
            id="a kind without a price of its own costs what it is a part of",
        ),
        pytest.param(
            priced(
                override(prices={"input": "2", "output": "8", "cached_input": "0.125", "input_audio": "40"}),
                counts=usage(1_000, 100, cached=600, audio=100),
            ),
            300 * 2_000 + 600 * 125 + 100 * 40_000 + 100 * 8_000,
            id="kinds with prices of their own",
        ),
        pytest.param(
            priced(override(prices={"input": "0.000001", "output": "0"}), counts=usage(1_500, 5)),
            2,  # 1.5 nano-dollars, half to even
            id="fractions of a nano-dollar a token are rounded once",
        ),
        pytest.param(
            priced(override(prices={"input": "2"}, per_request="0.005")),
            1_000 * 2_000 + 5_000_000,
            id="a price of each request besides tokens",
        ),
        pytest.param(
            priced(override(per_request="0.005")), LISTED + 5_000_000, id="the same on the list's prices"
        ),
        pytest.param(
            priced(override(multipliers={"standard": "0.9"})), LISTED * 9 // 10, id="a discount on the list"
        ),
        pytest.param(
            priced(override(multipliers={"batch": "0.5"}), service_tier="batch"), LISTED // 2, id="batch"
        ),
        pytest.param(
            priced(
                override(prices={"input": "2", "output": "8"}, multipliers={"flex": "0.25"}),
                service_tier="flex",
            ),
            (1_000 * 2_000 + 100 * 8_000) // 4,
            id="flex",
        ),
        pytest.param(
            priced(override(multipliers={"priority": "1.7"}), service_tier="priority"),
            LISTED * 17 // 10,
            id="priority",
        ),
        pytest.param(
            priced(override(multipliers={"batch": "0.5"}), service_tier="default"),
            LISTED,
            id="another tier's multiplier",
        ),
        pytest.param(
            priced(override(model="gpt-4o", prices={"input": "1"})), LISTED, id="another model's prices"
        ),
        pytest.param(
            priced(override(model="GPT-4o", prices={"input": "1"}), model_requested="gpt-4o", attempts=()),
            1_000 * 1_000,
            id="the model as it was asked for, without case",
        ),
        pytest.param(
            priced(override(provider="azure", prices={"input": "1"})), LISTED, id="another provider's prices"
        ),
        pytest.param(
            priced(override(project="other", prices={"input": "1"})),
            1_000 * 1_000,
            id="the book decides whose an override is",
        ),
        pytest.param(
            priced(override(price_id="price_2", prices={"input": "3"}), FLAT),
            1_000 * 3_000,
            id="of several, the first",
        ),
        pytest.param(
            priced(override(valid_from_us=NOV_2026_US, prices={"input": "1"})), 1_000 * 1_000, id="begins"
        ),
        pytest.param(
            priced(override(valid_from_us=NOV_2026_US + 1, prices={"input": "1"})), LISTED, id="not yet"
        ),
        pytest.param(
            priced(override(valid_to_us=NOV_2026_US, prices={"input": "1"})), LISTED, id="no longer"
        ),
        pytest.param(
            priced(override(model="our-own-model", prices={"input": "1"}), model_override="our-own-model"),
            1_000 * 1_000,
            id="a model that no list knows, by the header",
        ),
    ],
)
def test_cost(call: Call, cost: int) -> None:
    assert call.priced
    assert call.cost_nanos == cost


TIERED = override(
    model="*",
    prices={"input": "2", "output": "8"},
    tiers=(
        PriceTier(above_input_tokens=1_000, prices={"input": Decimal(4)}),
        PriceTier(above_input_tokens=10_000, prices={"input": Decimal(6), "output": Decimal(10)}),
    ),
)


@pytest.mark.parametrize(
    ("input_tokens", "cost"),
    [
        (1_000, 1_000 * 2_000 + 10 * 8_000),
        (1_001, 1_001 * 4_000 + 10 * 8_000),
        (10_000, 10_000 * 4_000 + 10 * 8_000),
        (10_001, 10_001 * 6_000 + 10 * 10_000),
    ],
)
def test_a_tier_counts_for_the_whole_call_from_just_above_it(input_tokens: int, cost: int) -> None:
    assert priced(TIERED, counts=usage(input_tokens, 10)).cost_nanos == cost


def test_the_record_names_the_override() -> None:
    assert priced(FLAT).price_ref == "override/price_1"
    discount = priced(override(multipliers={"batch": "0.5"}), service_tier="batch")
    assert discount.price_ref.startswith("override/price_1 batch of genai-prices/")
    assert discount.price_ref.endswith(" openai/gpt-4o")


def test_a_discount_on_a_model_without_a_price_leaves_it_unpriced() -> None:
    call = priced(
        override(model="*", multipliers={"standard": "0.5"}),
        model="no-such-model",
        model_requested="",
        attempts=(),
    )
    assert not call.priced
    assert call.cost_nanos is None


def test_what_changes_in_the_book_is_in_force_with_the_next_call() -> None:
    book: dict[str, tuple[PriceOverride, ...]] = {"default": (FLAT,)}
    books = [book]
    pricer = Pricer(counter=COUNTER, overrides=lambda: books[0])
    event = factories.response_event(
        project="default", provider="openai", model="gpt-4o", usage=usage(10, 0), usage_flavor="openai.chat"
    )
    assert pricer.price(event).cost_nanos == 10 * 2_000
    books[0] = {"default": (override(prices={"input": "7"}),)}
    assert pricer.price(event).cost_nanos == 10 * 7_000
    books[0] = {}
    assert pricer.price(event).cost_nanos == 10 * 2_500
