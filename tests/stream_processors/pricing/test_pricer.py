"""Costs against sums made by hand, from the providers' published prices.

Prices are in nano-dollars a token: 0.15 dollars a million is 150.
"""

from typing import Any

import pytest

from tallygate.schemas.call import Attempt, Body, Outcome
from tallygate.schemas.records import Call
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.stream_processors.pricing.fixtures import (
    FIXTURES,
    Fixture,
    chat,
    value,
)
from tests.support import factories

PRICER = Pricer(counter=TokenCounter(load=False))


def priced(provider: str, model: str, usage: Any, flavor: str = "openai.chat", **fields: Any) -> Call:
    event = factories.response_event(
        provider=provider, model=model, usage=usage, usage_flavor=flavor, **fields
    )
    return PRICER.price(event)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.name)
def test_cost_is_the_sum_of_counts_times_prices(fixture: Fixture) -> None:
    call = PRICER.price(fixture.event())
    counted = (
        call.input_tokens,
        call.output_tokens,
        call.cached_input_tokens,
        call.cache_write_tokens,
        call.reasoning_tokens,
    )
    assert counted == fixture.tokens
    assert call.token_source == "provider"
    assert call.priced == fixture.priced
    if fixture.priced:
        input_nanos, output_nanos = value(fixture.input_sum), value(fixture.output_sum)
        assert call.input_cost_nanos == input_nanos
        assert call.output_cost_nanos == output_nanos
        assert call.cost_nanos == input_nanos + output_nanos + value(fixture.fee_sum)
    else:
        assert call.input_cost_nanos is call.output_cost_nanos is call.cost_nanos is None
    assert call.price_ref.startswith("genai-prices/")


def test_audio_by_the_second_is_rounded_once_half_to_even() -> None:
    """0.36 dollars an hour are 100 000 nano-dollars a second."""
    for seconds, nanos in ((9, 900_000), (0.000005, 0), (0.000015, 2), (2.5, 250_000)):
        call = priced(
            "openai",
            "whisper-1",
            {"type": "duration", "seconds": seconds},
            "",
            endpoint="audio/transcriptions",
        )
        assert (call.cost_nanos, call.priced, call.token_source) == (nanos, True, "provider")


@pytest.mark.parametrize(
    ("tier", "input_price", "output_price", "suffix"),
    [
        ("", 1_250, 10_000, ""),
        ("default", 1_250, 10_000, ""),
        ("flex", 625, 5_000, " service_tier=flex"),
        ("Priority", 2_500, 20_000, " service_tier=priority"),
        ("batch", 625, 5_000, " processing=batch"),
        ("unheard-of", 1_250, 10_000, ""),
    ],
)
def test_service_tiers_have_their_prices(tier: str, input_price: int, output_price: int, suffix: str) -> None:
    call = priced("openai", "gpt-5", chat(11, 13), service_tier=tier)
    assert call.cost_nanos == 11 * input_price + 13 * output_price
    assert call.price_ref.endswith(f"openai/gpt-5{suffix}")
    assert call.service_tier == tier


def test_override_prices_as_another_model() -> None:
    usage = chat(10, 10)
    own = priced("my-vllm", "llama-local", usage, model_override="gpt-4o-mini")
    assert own.cost_nanos == 10 * 150 + 10 * 600
    named = priced("my-vllm", "llama-local", usage, model_override="xai/grok-4")
    assert named.cost_nanos == 10 * 3_000 + 10 * 15_000
    assert named.model == "llama-local"
    same = priced("openai", "gpt-4o", usage, model_override="gpt-4o-mini")
    assert same.cost_nanos == 10 * 150 + 10 * 600
    assert not priced("openai", "gpt-4o", usage, model_override="no-such-model").priced


def test_a_name_that_only_the_caller_knows_is_priced_by_what_was_asked_for() -> None:
    attempt = Attempt(provider="openai", model="gpt-4o-mini", status=200, started_at_us=1)
    call = priced("openai", "served-under-a-secret-name", chat(10, 10), attempts=(attempt,))
    assert call.cost_nanos == 10 * 150 + 10 * 600


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-99"), ("my-vllm", "llama"), ("", ""), ("OPENAI-ish", "gpt-4o")]
)
def test_unknown_prices_are_seen_and_the_tokens_kept(provider: str, model: str) -> None:
    call = priced(provider, model, chat(10, 20, cached=5), model_requested=model, attempts=())
    assert (call.priced, call.cost_nanos, call.input_cost_nanos) == (False, None, None)
    assert (call.input_tokens, call.output_tokens, call.token_source) == (10, 20, "provider")


def test_what_the_list_does_not_price_is_unknown_not_free() -> None:
    audio = chat(10, 20) | {"prompt_tokens_details": {"audio_tokens": 4}}
    assert not priced("openai", "gpt-4o-audio-preview", audio).priced
    assert not priced("openai", "whisper-1", {"input_tokens": 10, "output_tokens": 5}, "").priced
    assert not priced("cerebras", "qwen-3-coder-480b", chat(1, 1)).priced
    free = priced("openrouter", "deepseek/deepseek-r1:free", chat(1, 1))
    assert (free.priced, free.cost_nanos, free.token_source) == (True, 0, "provider")


BAD_USAGE = [
    {"prompt_tokens": -1, "completion_tokens": 1},
    {"prompt_tokens": "12", "completion_tokens": 1},
    {"prompt_tokens": 1.5, "completion_tokens": 1},
    {"prompt_tokens": True, "completion_tokens": 1},
    {"prompt_tokens": 10**9 + 1, "completion_tokens": 1},
    {"prompt_tokens": 10**40, "completion_tokens": 1},
    {"prompt_tokens": [1], "completion_tokens": 1},
    {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
    {"prompt_tokens": 1, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
    {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": "many"},
    {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": []},
    {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": "0"}},
    {"input_tokens": 5},
]


@pytest.mark.parametrize("usage", BAD_USAGE, ids=str)
def test_usage_that_cannot_be_true_counts_nothing_and_has_no_price(usage: dict[str, Any]) -> None:
    call = priced("openai", "gpt-4o-mini", usage)
    assert (call.token_source, call.priced, call.cost_nanos) == ("none", False, None)
    assert (call.input_tokens, call.output_tokens) == (0, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": Outcome.REJECTED, "status": 401, "provider": "", "attempts": ()},
        {"outcome": Outcome.CACHE_HIT, "cache": "hit"},
        {"outcome": Outcome.PROVIDER_ERROR, "status": 429, "attempts": (), "usage": None},
        {"outcome": Outcome.TIMEOUT, "status": 504, "attempts": (), "usage": None},
        {"outcome": Outcome.CLIENT_CANCELLED, "status": 499, "attempts": (), "usage": None},
        {"method": "GET", "endpoint": "models", "usage": None},
        {"method": "GET", "endpoint": "responses/resp_1"},  # repeats the usage of the call that made it
        {"method": "DELETE", "endpoint": "files/f"},
        {"endpoint": "files", "usage": None},
        {"endpoint": "moderations", "usage": None},
        {"endpoint": "messages/count_tokens", "usage": {"input_tokens": 14}},
        {"endpoint": "models/gemini-2.5-flash:countTokens", "usage": None},
        {"endpoint": "responses/resp_1/cancel", "usage": {"input_tokens": 1, "output_tokens": 1}},
        {"endpoint": "countTokens", "provider": "google", "usage": None},
        {"endpoint": "chat/completions/chatcmpl_1"},
        {"endpoint": "threads", "usage": None},
    ],
    ids=str,
)
def test_what_uses_no_model_costs_nothing(fields: dict[str, Any]) -> None:
    call = PRICER.price(factories.response_event(**fields))
    assert (call.priced, call.cost_nanos, call.input_cost_nanos, call.output_cost_nanos) == (True, 0, 0, 0)
    assert (call.token_source, call.input_tokens, call.output_tokens) == ("none", 0, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoint": "images/generations"},
        {"endpoint": "audio/speech"},
        {"endpoint": "realtime", "method": "GET", "status": 101, "attempts": ()},
        {"endpoint": "something/new"},
        {"endpoint": "threads/t/runs"},
        {"endpoint": "chat/completions"},  # its body was not kept
        {
            "endpoint": "responses",
            "request_body": Body(text='{"input":"Hi","background":true}', size_bytes=32),
            "response_body": Body(text='{"id":"r","status":"queued"}', size_bytes=28),
        },
    ],
    ids=str,
)
def test_an_answer_that_nobody_counted_has_no_price(fields: dict[str, Any]) -> None:
    call = PRICER.price(factories.response_event(**{"usage": None, **fields}))
    assert (call.priced, call.cost_nanos, call.token_source) == (False, None, "none")


def test_pictures_and_transcriptions_have_prices_of_their_own() -> None:
    """The edge says `openai.responses` of both."""
    picture = {
        "input_tokens": 50,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        "output_tokens": 4_160,
    }
    call = priced("openai", "gpt-image-1", picture, "openai.responses", endpoint="images/edits")
    assert call.cost_nanos == 10 * 5_000 + 40 * 10_000 + 4_160 * 40_000
    speech = {
        "type": "tokens",
        "input_tokens": 14,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
        "output_tokens": 45,
    }
    call = priced("openai", "gpt-4o-transcribe", speech, "openai.responses", endpoint="audio/transcriptions")
    assert call.cost_nanos == 4 * 2_500 + 10 * 6_000 + 45 * 10_000
    assert (call.input_audio_tokens, call.input_tokens) == (10, 14)


@pytest.mark.parametrize("endpoint", ["generateContent", "models/gemini-2.5-flash:streamGenerateContent"])
def test_geminis_stream_without_a_count_is_estimated(endpoint: str) -> None:
    body = '{"contents":[{"role":"user","parts":[{"text":"Hello there"}]}]}'
    answer = '[{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}}]}'
    event = factories.response_event(
        provider="google",
        model="gemini-2.5-flash",
        endpoint=endpoint,
        usage=None,
        request_body=Body(text=body, size_bytes=len(body)),
        response_body=Body(text=answer, size_bytes=len(answer), truncated=True),
    )
    call = PRICER.price(event)
    assert (call.token_source, call.input_tokens, call.output_tokens) == ("estimated", 3 + 1 + 2 + 3, 1)
    assert call.cost_nanos == 9 * 300 + 1 * 2_500


def test_a_stream_the_caller_left_is_estimated() -> None:
    body = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Count to three."}],"stream":true}'
    events = "".join(
        f'data: {{"choices":[{{"index":0,"delta":{{"content":"{word}"}}}}]}}\n\n' for word in ("One", " two")
    )
    fields: dict[str, Any] = {
        "usage": None,
        "outcome": Outcome.CLIENT_CANCELLED,
        "status": 499,
        "request_body": Body(text=body, size_bytes=len(body)),
        "response_body": Body(text=events, size_bytes=len(events)),
    }
    call = PRICER.price(factories.response_event(**fields))
    # 3 for the message, 1 role, 4 words and marks, 3 for the answer's start; 2 words out
    assert (call.input_tokens, call.output_tokens) == (11, 2)
    assert (call.token_source, call.cost_nanos) == ("estimated", 11 * 150 + 2 * 600)
    # What the provider counted before the caller left is taken instead.
    counted = PRICER.price(factories.response_event(**{**fields, "usage": chat(9, 1)}))
    assert (counted.token_source, counted.cost_nanos) == ("provider", 9 * 150 + 600)


def test_the_call_is_the_event_with_its_price() -> None:
    event = factories.response_event(
        request_body=Body(text="{}", size_bytes=2),
        response_body=Body(text='{"a":', size_bytes=900, truncated=True),
    )
    call = PRICER.price(event)
    shared = set(type(event).model_fields) & set(Call.model_fields) - {"schema_version"}
    assert all(getattr(call, name) == getattr(event, name) for name in shared)
    assert (call.prompt, call.prompt_bytes, call.prompt_truncated) == ("{}", 2, False)
    assert (call.response, call.response_bytes, call.response_truncated) == ('{"a":', 900, True)
    assert Call.model_validate_json(call.model_dump_json()) == call


def test_a_hit_of_the_cache_costs_nothing_and_tells_what_it_saved() -> None:
    hit: dict[str, Any] = {"outcome": Outcome.CACHE_HIT, "cache": "hit", "attempts": ()}
    call = priced("openai", "gpt-4o-mini", chat(10, 10), **hit)
    assert (call.cost_nanos, call.priced, call.input_tokens, call.token_source) == (0, True, 0, "none")
    assert call.cache_saved_nanos == 10 * 150 + 10 * 600
    assert priced("openai", "gpt-4o-mini", chat(10, 10)).cache_saved_nanos is None


@pytest.mark.parametrize(
    ("provider", "usage"),
    [("my-vllm", chat(10, 10)), ("openai", None), ("openai", {"prompt_tokens": -1, "completion_tokens": 1})],
)
def test_what_a_hit_saved_is_unknown_rather_than_nothing(provider: str, usage: Any) -> None:
    call = priced(provider, "no-such-model", usage, outcome=Outcome.CACHE_HIT, cache="hit", attempts=())
    assert (call.cost_nanos, call.cache_saved_nanos) == (0, None)
