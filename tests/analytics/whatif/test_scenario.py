"""Scenarios against sums made by hand, and against the pricer call by call."""

import random
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tallygate.analytics.whatif.scenario import Line, Prices, Substitution, UnknownPriceError, Used, lines
from tallygate.stream_processors.pricing import PriceList, Pricer
from tests.support.factories import response_event

DAY = date(2026, 11, 6)
AT_US = int(datetime(2026, 11, 6, tzinfo=UTC).timestamp() * 1_000_000)
LIST = PriceList()
TO_4O = Substitution("*", "gpt-4o-mini*", "openai", "gpt-4o")


def used(**fields: Any) -> Used:
    values: dict[str, Any] = {
        "day": DAY,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "tier": -1,
        "requests": 1,
        "tokens": (1000, 100, 0, 0, 0, 0, 0),
        "cost_nanos": 210_000,
        "unpriced": 0,
    }
    return Used(**(values | fields))


def asked(
    *wanted: Used, to: Substitution = TO_4O, repeats: list[Used] | None = None, keep: bool = True
) -> list[Line]:
    return lines(list(wanted), repeats or [], Prices(LIST, [to], AT_US), keep_provider_cache=keep)


def test_another_model_costs_its_own_price() -> None:
    # gpt-4o: $2.50 and $10 a million, so 1 000 x 2 500 + 100 x 10 000 nano-dollars.
    (line,) = asked(used())
    assert (line.actual_nanos, line.scenario_nanos) == (210_000, 3_500_000)
    assert (line.to_provider, line.to_model) == ("openai", "gpt-4o")
    assert line.price_ref.endswith("openai/gpt-4o")


def test_what_the_provider_had_cached_stays_so_or_not() -> None:
    # Cached input of gpt-4o costs $1.25 a million.
    half = used(tokens=(1000, 100, 400, 0, 0, 0, 0))
    assert asked(half)[0].scenario_nanos == 600 * 2_500 + 400 * 1_250 + 100 * 10_000
    assert asked(half, keep=False)[0].scenario_nanos == 3_500_000


def test_models_that_do_not_fit_stay_as_they_were() -> None:
    other = used(model="gpt-5", cost_nanos=7, unpriced=0)
    kept, changed = sorted(asked(other, used()), key=lambda line: line.actual_nanos)
    assert (kept.scenario_nanos, kept.to_model) == (7, "")
    assert changed.to_model == "gpt-4o"


def test_the_first_substitution_that_fits_counts() -> None:
    both = [
        Substitution("*", "gpt-4o-mini", "openai", "gpt-4o"),
        Substitution("*", "*", "openai", "gpt-5-nano"),
    ]
    (line,) = lines([used()], [], Prices(LIST, both, AT_US), keep_provider_cache=True)
    assert line.to_model == "gpt-4o"


def test_days_of_a_model_are_added_up() -> None:
    made = asked(used(), used(day=date(2026, 11, 7)), used(day=date(2026, 11, 8), tier=5))
    assert [(line.requests, line.scenario_nanos) for line in made] == [(3, 3 * 3_500_000)]


def test_repeats_cost_nothing_in_the_scenario() -> None:
    whole = used(requests=3, tokens=(3000, 300, 0, 0, 0, 0, 0), cost_nanos=630_000)
    repeated = used(requests=2, tokens=(2000, 200, 0, 0, 0, 0, 0), cost_nanos=420_000)
    (line,) = asked(whole, repeats=[repeated])
    assert (line.requests, line.repeats) == (3, 2)
    assert (line.scenario_nanos, line.saved_by_cache_nanos) == (3_500_000, 7_000_000)
    nothing = Substitution("nobody", "*", "openai", "gpt-4o")
    (line,) = asked(whole, repeats=[repeated], to=nothing)
    assert (line.scenario_nanos, line.saved_by_cache_nanos) == (210_000, 420_000)


def test_unknown_models_are_said_at_once() -> None:
    with pytest.raises(UnknownPriceError, match="gpt-99 at openai"):
        asked(used(), to=Substitution("*", "*", "openai", "gpt-99"))


def test_audio_is_not_priced_as_text() -> None:
    (line,) = asked(used(tokens=(1000, 100, 0, 0, 0, 50, 0)))
    assert (line.scenario_nanos, line.scenario_unpriced) == (0, 1)


def test_calls_whose_own_price_is_not_known_have_one_elsewhere() -> None:
    (line,) = asked(used(provider="ollama", model="gpt-4o-mini-at-home", cost_nanos=0, unpriced=1))
    assert (line.unpriced, line.scenario_unpriced, line.scenario_nanos) == (1, 0, 3_500_000)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-5"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"),
        ("groq", "llama-3.3-70b-versatile"),
    ],
)
def test_the_sum_is_that_of_the_pricer_call_by_call(provider: str, model: str) -> None:
    """Also over the border of a tier: Gemini 2.5 Pro costs more above 200 000 input tokens."""
    chance = random.Random(7)
    to = Substitution("*", "*", provider, model)
    prices = Prices(LIST, [to], AT_US)
    pricer, by_tier, whole = Pricer(LIST), dict[int, Used](), 0
    for _ in range(400):
        asked_for = chance.choice([chance.randint(1, 5000), chance.randint(190_000, 210_000)])
        answered = chance.randint(1, 3000)
        usage = {
            "prompt_tokens": asked_for,
            "completion_tokens": answered,
            "total_tokens": asked_for + answered,
        }
        event = response_event(
            provider=provider, model=model, usage=usage, usage_flavor="openai.chat", received_at_us=AT_US
        )
        whole += pricer.price(event).cost_nanos or 0
        tier = max((mark for mark in prices.thresholds if asked_for > mark), default=-1)
        held = by_tier.get(tier, used(tier=tier, requests=0, tokens=(0,) * 7, cost_nanos=0))
        tokens = (held.tokens[0] + asked_for, held.tokens[1] + answered, 0, 0, 0, 0, 0)
        by_tier[tier] = held._replace(requests=held.requests + 1, tokens=tokens)
    (line,) = lines(list(by_tier.values()), [], prices, keep_provider_cache=True)
    assert line.scenario_nanos == whole
