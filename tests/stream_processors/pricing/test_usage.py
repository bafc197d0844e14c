"""Usage objects: as genai-prices reads them where it does, and nothing odd gets through."""

from typing import Any

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.schemas.records import Call
from tallygate.stream_processors.pricing import PriceList, Pricer
from tallygate.stream_processors.pricing.flavors import SHAPES, shape_of
from tallygate.stream_processors.pricing.usage import MAX_COUNT, BadUsageError, UsageReader
from tallygate.stream_processors.tokens import TokenCounter
from tests.support import factories

READER = UsageReader(PriceList().providers)
PRICER = Pricer(counter=TokenCounter(load=False))

counts = st.integers(0, 1_000_000)
details = st.none() | st.fixed_dictionaries({}, optional={"cached_tokens": st.just(0) | st.none()})


@given(counts, counts, st.sampled_from(["openai", "groq", "mistral", "deepseek", "x-ai", "google"]), details)
def test_reads_as_genai_prices_does(prompt: int, completion: int, provider: str, extra: Any) -> None:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": extra}
    flavor = "default" if provider in ("groq", "mistral") else "chat"
    known = READER._providers[provider]
    _, theirs = known.extract_usage({"model": "m", "usage": usage}, api_flavor=flavor)
    assert READER.read(usage, provider, "openai.chat") == {
        key: value for key, value in theirs.__dict__.items() if not key.startswith("_")
    }


def test_every_extractor_that_is_named_exists() -> None:
    providers = {provider.id: provider for provider in get_snapshot().providers}
    for shape in SHAPES.values():
        provider, flavor = shape.fallback
        paths = [
            m.path for e in providers[provider].extractors or () if e.api_flavor == flavor for m in e.mappings
        ]
        assert shape.marker in paths


@pytest.mark.parametrize(
    ("usage", "flavor", "provider", "shape"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 1}, "", "x", "openai.chat"),
        ({"prompt_tokens": 1}, "", "x", "openai.embeddings"),
        ({"prompt_tokens": 1}, "openai.chat", "x", "openai.embeddings"),
        ({"input_tokens": 1}, "", "anthropic", "anthropic.messages"),
        ({"input_tokens": 1, "cache_read_input_tokens": 0}, "", "x", "anthropic.messages"),
        ({"input_tokens": 1, "output_tokens": 1}, "", "openai", "openai.responses"),
        (
            {"input_tokens": 1, "input_tokens_details": {"image_tokens": 0, "text_tokens": 1}},
            "openai.responses",
            "openai",
            "openai.images",
        ),
        ({"input_tokens": 1, "input_token_details": {}}, "openai.responses", "openai", "openai.realtime"),
        ({"input_tokens": 1, "input_tokens_details": {}}, "openai.responses", "openai", "openai.responses"),
        ({"input_tokens": 1, "input_token_details": {}}, "", "openai", "openai.realtime"),
        ({"candidatesTokenCount": 1}, "", "x", "google.generate"),
        ({"promptTokenCount": 1}, "openai.chat", "x", "google.generate"),
        ({"seconds": 1}, "", "openai", "openai.duration"),
        ({"pages_processed": 1}, "", "mistral", "mistral.ocr"),
        ({}, "openai.chat", "openai", None),
        ({"total_tokens": 1}, "", "openai", None),
        ({"prompt_tokens": None}, "openai.chat", "openai", None),
    ],
)
def test_shapes_are_told_apart(usage: dict[str, Any], flavor: str, provider: str, shape: str | None) -> None:
    assert shape_of(usage, flavor, provider) == shape


@pytest.mark.parametrize(
    ("usage", "provider", "wanted"),
    [
        (
            {
                "input_tokens": 50,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                "output_tokens": 4_160,
            },
            "openai",
            {
                "input_tokens": 50,
                "input_text_tokens": 10,
                "input_image_tokens": 40,
                "output_tokens": 4_160,
            },
        ),
        (
            {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                "output_tokens": 45,
            },
            "openai",
            {"input_tokens": 14, "input_text_tokens": 4, "input_audio_tokens": 10, "output_tokens": 45},
        ),
        ({"prompt_tokens": 6, "completion_tokens": 2}, "my-vllm", {"input_tokens": 6, "output_tokens": 2}),
        ({"pages_processed": 3, "doc_size_bytes": 9}, "mistral", {"input_document_pages": 3}),
        ({"prompt_tokens": 6, "completion_tokens": None}, "openai", {"input_tokens": 6}),
        ({"prompt_tokens": 0, "completion_tokens": 0}, "openai", {"input_tokens": 0, "output_tokens": 0}),
        ({"promptTokenCount": None, "totalTokenCount": 3}, "google", None),
        ({"id": "x"}, "openai", None),
    ],
)
def test_counts_of_other_shapes(usage: dict[str, Any], provider: str, wanted: dict[str, int] | None) -> None:
    assert READER.read(usage, provider, "") == wanted


def test_bounds() -> None:
    at_bound = {"prompt_tokens": MAX_COUNT, "completion_tokens": 0}
    assert READER.read(at_bound, "openai", "openai.chat") == {"input_tokens": MAX_COUNT, "output_tokens": 0}
    for seconds in (-1.0, float("inf"), float("nan"), 1e12):
        with pytest.raises(BadUsageError):
            READER.read({"seconds": seconds}, "openai", "")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(0, 50)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "input_token_details",
    "cached_tokens",
    "cache_creation",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "promptTokenCount",
    "candidatesTokenCount",
    "promptTokensDetails",
    "server_tool_use",
    "service_tier",
    "speed",
    "seconds",
    "pages_processed",
]
odd = st.dictionaries(
    st.sampled_from(FIELDS),
    json_values
    | st.dictionaries(st.sampled_from([*FIELDS, "audio_tokens", "text_tokens", "tokenCount"]), json_values)
    | st.lists(st.fixed_dictionaries({"modality": json_values, "tokenCount": json_values}), max_size=2),
    max_size=6,
)


@settings(max_examples=200)
@given(
    odd,
    st.sampled_from([*SHAPES, "", "what?"]),
    st.sampled_from(
        [
            ("openai", "gpt-4o-mini"),
            ("anthropic", "claude-sonnet-4-5"),
            ("google", "gemini-2.5-flash"),
            ("xai", "grok-4"),
            ("perplexity", "sonar-pro"),
            ("openrouter", "openai/gpt-4o"),
            ("my-vllm", "llama"),
        ]
    ),
)
def test_no_usage_object_can_make_a_call_invalid(
    usage: dict[str, Any], flavor: str, model: tuple[str, str]
) -> None:
    event = factories.response_event(usage=usage, usage_flavor=flavor, provider=model[0], model=model[1])
    call = PRICER.price(event)
    assert Call.model_validate_json(call.model_dump_json()) == call
    assert call.priced == (call.cost_nanos is not None)
    assert call.token_source != "none" or call.input_tokens == call.output_tokens == 0
    if call.priced:
        assert call.cost_nanos is not None
        assert 0 <= call.cost_nanos < 10**15
