"""Models to providers."""

import pytest

from tallygate.edge.routing.registry import REGISTRY
from tallygate.edge.routing.router import Router, UnknownModelError
from tallygate.edge.routing.target import Target

ROUTER = Router({id_: Target(provider, provider.base_url) for id_, provider in REGISTRY.items()})


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gpt-99-not-yet-known", "openai"),
        ("o3-mini", "openai"),
        ("ft:gpt-4o-mini:org::id", "openai"),
        ("text-embedding-3-small", "openai"),
        ("whisper-1", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-pro", "google"),
        ("models/gemini-2.5-pro", "google"),
        ("text-embedding-004", "google"),
        ("mistral-large-latest", "mistral"),
        ("open-mixtral-8x7b", "mistral"),
        ("codestral-latest", "mistral"),
        ("deepseek-chat", "deepseek"),
        ("grok-4", "xai"),
        ("sonar-pro", "perplexity"),
        ("llama-3.3-70b-versatile", "groq"),
        ("accounts/fireworks/models/deepseek-v3", "fireworks"),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "together"),
        ("llama3.1-8b", "cerebras"),
    ],
)
def test_by_name(model: str, provider: str) -> None:
    route = ROUTER.by_model(model)
    assert (route.target.id, route.model) == (provider, model)


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"),
        ("openrouter/auto", "openrouter", "openrouter/auto"),
        ("groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        ("groq/compound", "groq", "groq/compound"),
        ("anthropic/whatever", "anthropic", "whatever"),
    ],
)
def test_by_provider_and_name(model: str, provider: str, name: str) -> None:
    route = ROUTER.by_model(model)
    assert (route.target.id, route.model) == (provider, name)


def test_an_unknown_name_comes_with_the_nearest() -> None:
    with pytest.raises(UnknownModelError, match="claude-sonnet-4-5"):
        ROUTER.by_model("claud-sonnet-4-5")


@pytest.mark.parametrize(
    "model", ["no-such-model", "openai/", "/", "nobody/x-y-z", "é", "x" * 10_000, "\x00"]
)
def test_unknown_names(model: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        ROUTER.by_model(model)
    assert len(str(caught.value)) < 2000
