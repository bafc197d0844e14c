"""URLs from base URLs, as people write them."""

import pytest

from tallygate.edge.routing.registry import REGISTRY
from tallygate.edge.routing.target import Target

NO_OFFICIAL = {"azure": "", "bedrock": ""}
"""Everybody has another address there."""
OFFICIAL = {
    "cohere": "https://api.cohere.ai/compatibility/v1",
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "google": "https://generativelanguage.googleapis.com/v1beta/openai",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "xai": "https://api.x.ai/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "cerebras": "https://api.cerebras.ai/v1",
}


def target(id_: str, base_url: str = "", key: str = "") -> Target:
    provider = REGISTRY[id_]
    return Target(provider, base_url or provider.base_url, key)


def test_every_provider_has_its_compatible_address() -> None:
    assert {id_: target(id_).compat_url for id_ in REGISTRY} == OFFICIAL | NO_OFFICIAL


@pytest.mark.parametrize("id_", sorted(OFFICIAL))
def test_the_compatible_address_is_also_taken_as_base_url(id_: str) -> None:
    assert target(id_, OFFICIAL[id_]).compat_url == OFFICIAL[id_]


@pytest.mark.parametrize(
    ("id_", "base_url", "native"),
    [
        ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com"),
        ("anthropic", "https://api.anthropic.com/v1", "https://api.anthropic.com"),
        ("google", "http://x/v1beta/openai", "http://x"),
        ("openai", "http://x/v1", "http://x"),
        ("openai", "http://x/tenant/v1", "http://x/tenant"),
    ],
)
def test_native_address(id_: str, base_url: str, native: str) -> None:
    assert target(id_, base_url).native_url == native


@pytest.mark.parametrize(
    ("id_", "path", "url"),
    [
        ("openai", "/v1/files/f-1/content", "https://api.openai.com/v1/files/f-1/content"),
        ("openai", "/chat/completions", "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "/v1/messages", "https://api.anthropic.com/v1/messages"),
        ("groq", "/openai/v1/models", "https://api.groq.com/openai/v1/models"),
        ("groq", "/v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
        ("groq", "/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
        (
            "google",
            "/v1beta/models/g:generateContent",
            "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent",
        ),
        (
            "google",
            "/v1beta/openai/embeddings",
            "https://generativelanguage.googleapis.com/v1beta/openai/embeddings",
        ),
        ("fireworks", "/v1/chat/completions", "https://api.fireworks.ai/inference/v1/chat/completions"),
        ("perplexity", "/chat/completions", "https://api.perplexity.ai/chat/completions"),
        ("mistral", "/v1/fim/completions", "https://api.mistral.ai/v1/fim/completions"),
    ],
)
def test_passthrough(id_: str, path: str, url: str) -> None:
    assert target(id_).passthrough_url(path) == url


def test_key_headers() -> None:
    assert target("anthropic", key="k").key_headers(native=True) == [(b"x-api-key", b"k")]
    assert target("anthropic", key="k").key_headers(native=False) == [(b"Authorization", b"Bearer k")]
    assert target("google", key="k").key_headers(native=True) == [(b"x-goog-api-key", b"k")]
    assert target("openai", key="k").key_headers(native=True) == [(b"Authorization", b"Bearer k")]
    assert target("openai").key_headers(native=True) == []


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(target("openai", key="secret"))
