"""The table of docs/pricing.md is true, and the price list's own code computes the same."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price

from tallygate.stream_processors.pricing.catalogue import GENAI_IDS
from tests.stream_processors.pricing import document
from tests.stream_processors.pricing.fixtures import FIXTURES, Fixture, value


def test_the_table_is_that_of_the_fixtures() -> None:
    text = document.PATH.read_text(encoding="utf-8")
    assert text == document.with_table(text), "run make reference"
    assert text.count("\n| ") > len(FIXTURES)


PLAIN = [
    f for f in FIXTURES if f.priced and not f.service_tier and f.fee_sum == "0" and "audio" not in f.name
]


@pytest.mark.parametrize("fixture", PLAIN, ids=lambda fixture: fixture.name)
def test_the_price_list_computes_the_same(fixture: Fixture) -> None:
    """Of calls whose counts the record holds."""
    whole_input, output, cached, written, reasoning = fixture.tokens
    kinds = fixture.usage.get("cache_creation") or {}
    usage = Usage(
        input_tokens=whole_input,
        output_tokens=output,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=kinds.get("ephemeral_1h_input_tokens", 0),
        output_reasoning_tokens=reasoning,
    )
    at = datetime.fromtimestamp(fixture.at_us // 1_000_000, UTC)
    provider = GENAI_IDS.get(fixture.provider, fixture.provider)
    model = fixture.model.rpartition("/")[2] if fixture.provider == "google" else fixture.model
    price = calc_price(usage, model, provider_id=provider, genai_request_timestamp=at).total_price
    assert price * 10**9 == Decimal(value(fixture.input_sum) + value(fixture.output_sum))
