"""The integer arithmetic against that of genai-prices, over its whole price list."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from genai_prices.types import ModelPrice, Tier, TieredPrices, TimeOfDateConstraint, Usage
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallygate.stream_processors.pricing.catalogue import PriceList
from tallygate.stream_processors.pricing.sheet import Cost, NoPriceError, Sheet, round_half_even

PRICES = PriceList()
MODELS = [(provider, model) for provider in PRICES.providers.values() for model in provider.models]
KEYS = [
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "cache_audio_read_tokens",
    "output_audio_tokens",
    "output_reasoning_tokens",
    "input_image_tokens",
    "web_searches",
    "input_audio_seconds",
]
usages = st.dictionaries(
    st.sampled_from(KEYS), st.integers(0, 3_000) | st.integers(0, 1_000_000), min_size=1, max_size=6
).map(lambda parts: {**parts, "input_tokens": parts.get("input_tokens", 0) + sum(parts.values())})


def _nanos(price: Decimal) -> int:
    with localcontext(prec=60):
        return int((price * 10**9).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def _theirs(prices: ModelPrice, usage: dict[str, int]) -> Cost | None:
    try:
        result = prices.calc_price(Usage(**usage))
    except ValueError:
        return None
    return Cost(_nanos(result["total_price"]), _nanos(result["input_price"]), _nanos(result["output_price"]))


@settings(max_examples=200)
@given(st.sampled_from(MODELS), usages, st.sampled_from([2024, 2025, 2026]))
def test_every_price_of_the_list_gives_the_same_cost(model: Any, usage: dict[str, int], year: int) -> None:
    prices = model[1].get_prices(datetime(year, 11, 20, 12, tzinfo=UTC))
    theirs = _theirs(prices, usage)
    try:
        ours = Sheet(prices).cost(usage)
    except NoPriceError:
        # Nothing used has a price: there that is free of charge.
        assert theirs is None or theirs.total == 0
    else:
        assert ours == theirs


@given(st.integers(0, 10**30), st.integers(1, 10**12))
@example(5, 10)
@example(15, 10)
@example(25, 10)
def test_rounding_is_decimals_half_even(numerator: int, denominator: int) -> None:
    with localcontext(prec=200):
        exact = round(Fraction(numerator, denominator))
    assert round_half_even(numerator, denominator) == exact
    assert round_half_even(Fraction(numerator, 7), denominator) == round(Fraction(numerator, 7 * denominator))


def test_half_a_nano_goes_to_the_even_one_once_on_the_total() -> None:
    # 0.0005 dollars a million tokens: half a nano-dollar each
    sheet = Sheet(ModelPrice(input_mtok=Decimal("0.0005"), output_mtok=Decimal("0.0005")))
    assert sheet.cost({"input_tokens": 1, "output_tokens": 1}) == Cost(total=1, input=0, output=0)
    assert sheet.cost({"input_tokens": 3, "output_tokens": 0}) == Cost(total=2, input=2, output=0)
    assert sheet.cost({"input_tokens": 5, "output_tokens": 0}) == Cost(total=2, input=2, output=0)


def test_crossing_a_tier_moves_all_tokens() -> None:
    price = TieredPrices(base=Decimal(1), tiers=[Tier(100, Decimal(2)), Tier(200, Decimal(5))])
    sheet = Sheet(ModelPrice(input_mtok=price))
    for tokens, nanos in ((100, 100_000), (101, 202_000), (200, 400_000), (201, 1_005_000)):
        assert sheet.cost({"input_tokens": tokens}).total == nanos


def test_a_count_that_can_only_be_guessed_is_refused() -> None:
    prices = ModelPrice(
        input_mtok=Decimal(1),
        cache_read_mtok=Decimal("0.1"),
        input_audio_mtok=Decimal(10),
        cache_audio_read_mtok=Decimal("0.5"),
    )
    sheet = Sheet(prices)
    counts = {"input_tokens": 100, "cache_read_tokens": 10, "input_audio_tokens": 10}
    with pytest.raises(NoPriceError, match="cache_audio_read_tokens"):
        sheet.cost(counts)
    assert sheet.cost({**counts, "cache_audio_read_tokens": 0}).total == 80_000 + 1_000 + 100_000
    # Ten cached, of which four audio: 84 plain, 6 cached text, 6 plain audio, 4 cached audio
    told = sheet.cost({**counts, "cache_audio_read_tokens": 4})
    assert told.total == 84_000 + 600 + 60_000 + 2_000
    with pytest.raises(NoPriceError, match="input_tokens is not counted"):
        sheet.cost({"cache_read_tokens": 5})
    with pytest.raises(NoPriceError, match="more than the whole"):
        sheet.cost({"input_tokens": 5, "cache_read_tokens": 6})


def test_prices_change_on_whole_minutes_only() -> None:
    """`PriceList.quote` keeps a price for a minute where it changes within a day."""
    for _, model in MODELS:
        constraints = [variant.constraint for variant in model.price_variants or ()]
        if isinstance(model.prices, list):
            constraints += [price.constraint for price in model.prices]
        for constraint in constraints:
            if isinstance(constraint, TimeOfDateConstraint):
                assert constraint.start_time.second == constraint.end_time.second == 0
                assert constraint.start_time.microsecond == constraint.end_time.microsecond == 0


def test_the_price_of_a_minute_is_that_minutes() -> None:
    start_us = 1_794_000_000_000_000 // 86_400_000_000 * 86_400_000_000  # midnight
    peak_begins_us = start_us + 30 * 60_000_000

    def input_price(at_us: int) -> int:
        quote = PRICES.quote("deepseek", "deepseek-chat", at_us)
        assert quote is not None
        return quote.sheet.cost({"input_tokens": 1}).total

    assert [input_price(peak_begins_us + by) for by in (-1, 0, 1)] == [135, 270, 270]


@pytest.mark.parametrize("at_us", [0, 2**63, 10**40])
@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-4o-mini"), ("deepseek", "deepseek-chat")])
def test_there_is_a_price_at_any_time(provider: str, model: str, at_us: int) -> None:
    assert PRICES.quote(provider, model, at_us) is not None


def test_the_kept_quotes_are_bounded() -> None:
    prices = PriceList()
    for number in range(20):
        assert prices.quote("openai", f"no-such-model-{number}", 0) is None
        assert prices.quote("nobody", "gpt-4o", 0) is None
    assert prices._model.cache_info().maxsize == prices._quote.cache_info().maxsize == 8192
