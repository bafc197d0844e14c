"""Paths to operations."""

import pytest

from tallygate.edge.routing.operations import classify, is_unsafe
from tallygate.edge.routing.registry import REGISTRY


@pytest.mark.parametrize(
    ("path", "name", "upstream_path", "provider", "dialect"),
    [
        ("/v1/chat/completions", "chat/completions", "/chat/completions", "", "openai"),
        ("/chat/completions", "chat/completions", "/chat/completions", "", "openai"),
        ("/v1/embeddings", "embeddings", "/embeddings", "", "openai"),
        ("/v1/models/gpt-4o", "models/gpt-4o", "/models/gpt-4o", "", "openai"),
        ("/v1/anything/new", "anything/new", "/anything/new", "", "openai"),
        ("/v1/messages", "messages", "/v1/messages", "anthropic", "anthropic"),
        (
            "/v1/messages/count_tokens",
            "messages/count_tokens",
            "/v1/messages/count_tokens",
            "anthropic",
            "anthropic",
        ),
        ("/anthropic/v1/messages", "messages", "/v1/messages", "anthropic", "anthropic"),
        ("/anthropic/v1/models", "models", "/v1/models", "anthropic", "anthropic"),
        ("/openai/v1/responses", "responses", "/v1/responses", "openai", "openai"),
        ("/openai/chat/completions", "chat/completions", "/chat/completions", "openai", "openai"),
        (
            "/groq/openai/v1/chat/completions",
            "chat/completions",
            "/openai/v1/chat/completions",
            "groq",
            "openai",
        ),
        (
            "/google/v1beta/openai/chat/completions",
            "chat/completions",
            "/v1beta/openai/chat/completions",
            "google",
            "openai",
        ),
        ("/openrouter/api/v1/completions", "completions", "/api/v1/completions", "openrouter", "openai"),
    ],
)
def test_known_paths(path: str, name: str, upstream_path: str, provider: str, dialect: str) -> None:
    operation = classify(path, REGISTRY)
    assert operation is not None
    assert (operation.name, operation.path, operation.provider, operation.dialect) == (
        name,
        upstream_path,
        provider,
        dialect,
    )


def test_geminis_own_api_names_the_model_in_the_path() -> None:
    operation = classify("/google/v1beta/models/gemini-2.5-pro:streamGenerateContent", REGISTRY)
    assert operation is not None
    assert (operation.name, operation.model, operation.flavor) == (
        "streamGenerateContent",
        "gemini-2.5-pro",
        "google.generate",
    )


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/", "/favicon.ico", "/v2/chat", "*", "/nobody/v1/chat"])
def test_unknown_paths(path: str) -> None:
    assert classify(path, REGISTRY) is None


@pytest.mark.parametrize("path", ["/openai/../admin", "/v1/..", "/v1/%2e%2E/x", "/v1/./x", "/v1/.%2e/x"])
def test_dot_segments_are_unsafe(path: str) -> None:
    assert is_unsafe(path)


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/models/gpt-4.1", "/v1/files/..x", "/v1/...", "/v1/.env"]
)
def test_dots_in_names_are_safe(path: str) -> None:
    assert not is_unsafe(path)
