"""Which of `genai-prices`' extractors reads a usage object.

The API tells the shape, and some providers count differently within one shape (xAI's `completion_tokens`
leave reasoning out, OpenAI's do not), so a provider's own extractor comes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genai_prices.types import Provider, UsageExtractor


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape of usage objects."""

    marker: str
    """A field that every usage object of this shape has."""
    flavors: tuple[str, ...]
    """`genai-prices`' names for it, at the provider itself; the first that reads the marker is taken."""
    fallback: tuple[str, str]
    """Provider and flavor to read it by otherwise."""


SHAPES: Mapping[str, Shape] = {
    "openai.chat": Shape("completion_tokens", ("chat", "default"), ("openai", "chat")),
    "openai.embeddings": Shape("prompt_tokens", ("embeddings",), ("openai", "embeddings")),
    "openai.responses": Shape("input_tokens", ("responses", "default"), ("openai", "responses")),
    "openai.images": Shape("input_tokens", ("images",), ("openai", "images")),
    "openai.realtime": Shape("input_tokens", ("realtime",), ("openai", "realtime")),
    "openai.duration": Shape("seconds", ("live",), ("openai", "live")),
    "anthropic.messages": Shape("input_tokens", ("anthropic", "default"), ("anthropic", "default")),
    "google.generate": Shape("promptTokenCount", (), ("google", "default")),
    "bedrock.converse": Shape("inputTokens", ("default",), ("aws", "default")),
    "mistral.ocr": Shape("pages_processed", (), ("mistral", "ocr")),
}
_ANTHROPIC_FIELDS = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
_GOOGLE_FIELDS = frozenset({"promptTokenCount", "candidatesTokenCount", "totalTokenCount"})


def shape_of(usage: Mapping[str, Any], flavor: str, provider: str) -> str | None:
    """The shape of a usage object: what the edge says, if it looks like that; else what it looks like.

    The edge calls `openai.responses` whatever counts `input_tokens`, pictures and transcriptions as well.
    """
    shape = SHAPES.get(flavor)
    if shape is not None and usage.get(shape.marker) is not None and flavor != "openai.responses":
        return flavor
    if not _GOOGLE_FIELDS.isdisjoint(usage):
        return "google.generate"
    if usage.get("input_tokens") is not None:
        return _shape_with_input_tokens(usage, provider)
    for name in ("openai.chat", "openai.embeddings", "openai.duration", "bedrock.converse", "mistral.ocr"):
        if usage.get(SHAPES[name].marker) is not None:
            return name
    return None


def _shape_with_input_tokens(usage: Mapping[str, Any], provider: str) -> str:
    if provider == "anthropic" or not _ANTHROPIC_FIELDS.isdisjoint(usage):
        return "anthropic.messages"
    if "input_token_details" in usage:  # also of transcriptions
        return "openai.realtime"
    details = usage.get("input_tokens_details")
    is_image = isinstance(details, dict) and {"image_tokens", "text_tokens"} <= details.keys()
    return "openai.images" if is_image else "openai.responses"


def extractor_for(provider: Provider | None, shape: str, providers: Mapping[str, Provider]) -> UsageExtractor:
    """The extractor for a shape at a provider."""
    wanted = SHAPES[shape]
    own = _by_flavor(provider)
    for flavor in wanted.flavors:
        extractor = own.get(flavor)
        if extractor is not None and any(mapping.path == wanted.marker for mapping in extractor.mappings):
            return extractor
    fallback, flavor = wanted.fallback
    return _by_flavor(providers[fallback])[flavor]


def _by_flavor(provider: Provider | None) -> dict[str, UsageExtractor]:
    extractors = provider.extractors if provider is not None else None
    return {extractor.api_flavor: extractor for extractor in extractors or ()}
