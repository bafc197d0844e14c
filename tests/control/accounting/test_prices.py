"""Price overrides as asked for, made and changed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tallygate.control.accounting.price_specs import NewPrice, PricePatch
from tallygate.control.accounting.prices import changed, new_price
from tallygate.control.errors import InvalidError
from tallygate.schemas.rules import PriceOverride, PriceTier

NOW = datetime(2026, 11, 25, tzinfo=UTC)
FLAT = {"project": "default", "model": "gpt-4o*", "prices": {"input": "2.5", "output": "10"}}


def make(**given: Any) -> PriceOverride:
    return new_price(NewPrice.model_validate(FLAT | given), "price_1", NOW)


def change(override: PriceOverride, **given: Any) -> PriceOverride:
    return changed(override, PricePatch.model_validate(given))


def test_prices_stay_the_decimals_that_were_given() -> None:
    long = [
        {"above_input_tokens": 500_000, "prices": {"input": "7"}},
        {"above_input_tokens": 200_000, "prices": {"input": "5", "output": "0.1"}},
    ]
    override = make(
        tiers=long, per_request="0.0001", multipliers={"batch": 0.5}, valid_from="2026-01-01T00:00:00Z"
    )
    assert override.prices == {"input": Decimal("2.5"), "output": Decimal(10)}
    assert override.tiers == (
        PriceTier(above_input_tokens=200_000, prices={"input": Decimal(5), "output": Decimal("0.1")}),
        PriceTier(above_input_tokens=500_000, prices={"input": Decimal(7)}),
    )
    assert (override.per_request, override.multipliers) == (Decimal("0.0001"), {"batch": Decimal("0.5")})
    assert (override.valid_from_us, override.valid_to_us) == (1_767_225_600_000_000, None)
    assert PriceOverride.model_validate_json(override.model_dump_json()) == override


@pytest.mark.parametrize(
    "given",
    [
        {"prices": {}, "multipliers": {"standard": "0.85"}},
        {"prices": {}, "per_request": "0.01"},
        {"prices": {"input": 0, "output": 0}},
        {"prices": {"output": "1"}, "provider": "azure"},
    ],
)
def test_overrides_that_can_be(given: dict[str, Any]) -> None:
    assert make(**given).created_at_us == 1_795_564_800_000_000


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"prices": {}}, "prices"),
        ({"prices": {"cached_input": "1"}}, "prices"),
        (
            {
                "prices": {},
                "per_request": "1",
                "tiers": [{"above_input_tokens": 1, "prices": {"input": 1}}],
            },
            "tiers",
        ),
        ({"valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}, "valid_to"),
    ],
)
def test_overrides_that_make_no_sense(given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidError) as caught:
        make(**given)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"model": ""}, "model"),
        ({"model": "a,b"}, "model"),
        ({"provider": "Open AI"}, "provider"),
        ({"prices": {"inputs": "1"}}, "prices"),
        ({"prices": {"input": "-1"}}, "prices"),
        ({"prices": {"input": "NaN"}}, "prices"),
        ({"prices": {"input": "free"}}, "prices"),
        ({"prices": {"input": "0.0000000000001"}}, "prices"),
        ({"prices": {"input": "1e99"}}, "prices"),
        ({"tiers": [{"above_input_tokens": 0, "prices": {"input": "1"}}]}, "tiers"),
        ({"tiers": [{"above_input_tokens": 5, "prices": {}}]}, "tiers"),
        ({"tiers": [{"above_input_tokens": 5, "prices": {"input": "1"}}] * 2}, "tiers"),
        ({"multipliers": {"turbo": "2"}}, "multipliers"),
        ({"valid_from": "yesterday"}, "valid_from"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_values_that_are_none_of_a_price(given: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NewPrice.model_validate(FLAT | given)
    assert where in {error["loc"][0] for error in caught.value.errors()}


def test_a_patch_changes_what_it_names_and_null_clears() -> None:
    override = make(valid_from="2026-01-01T00:00:00Z", valid_to="2027-01-01T00:00:00Z")
    after = change(override, valid_to=None, valid_from=None, prices={"input": "3"})
    changes = {"valid_to_us": None, "valid_from_us": 0, "prices": {"input": Decimal(3)}}
    assert after == override.model_copy(update=changes)
    with pytest.raises(InvalidError):
        change(override, prices={})
