from typing import Any

import pytest

from tallygate.edge.budget.bounds import OVERHEAD_TOKENS, TOOLS_OVERHEAD_TOKENS, UnboundedError, bounds_of

TEXT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("endpoint", "body", "output"),
    [
        ("chat/completions", {"max_tokens": 10}, 10),
        ("chat/completions", {"max_tokens": 10, "max_completion_tokens": 20}, 20),
        ("chat/completions", {"max_tokens": 10, "n": 3}, 30),
        ("chat/completions", {"max_tokens": 10, "prediction": {"content": "x"}}, 110),
        ("chat/completions", {"max_tokens": "10"}, None),
        ("chat/completions", {}, None),
        ("responses", {"max_output_tokens": 7}, 7),
        ("messages", {"max_tokens": 9}, 9),
        ("models/gemini-2.5-pro:generateContent", {"generationConfig": {"maxOutputTokens": 5}}, 5),
        ("models/g:streamGenerateContent", {"generationConfig": {"candidateCount": 2}}, None),
        ("embeddings", {}, 0),
    ],
)
def test_output_is_bounded_by_what_was_asked_for(endpoint: str, body: Any, output: int | None) -> None:
    bounds = bounds_of(endpoint, TEXT | body, 100)
    assert bounds.output_tokens == output
    assert bounds.input_tokens == 100 + OVERHEAD_TOKENS


def test_tools_of_the_caller_are_text_with_something_around_it() -> None:
    assert bounds_of("chat/completions", TEXT | {"tools": [FUNCTION]}, 100).input_tokens == (
        100 + TOOLS_OVERHEAD_TOKENS
    )


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [PICTURE]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
        {"previous_response_id": "resp_1"},
        {"contents": [{"parts": [{"inlineData": {"data": "AA"}}]}]},
        {"messages": [[[[{"a": [[[[[{"type": "document"}]]]]]}]]]]},
    ],
)
def test_what_is_no_text_is_bounded_by_the_models_window(body: dict[str, Any]) -> None:
    assert bounds_of("responses", body | {"max_output_tokens": 1}, 100).input_tokens is None


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("images/generations", {"prompt": "x"}),
        ("audio/speech", {"input": "x"}),
        ("chat/completions", None),
        ("responses", {"tools": [{"type": "web_search"}]}),
        ("responses", {"background": True}),
        ("messages", {"tools": [{"type": "web_search_20250305", "name": "s"}]}),
        ("chat/completions", {"web_search_options": {}}),
        ("models/gemini-2.5-pro:generateContent", {"tools": [{"googleSearch": {}}]}),
        ("messages", {"mcp_servers": [{"url": "x"}]}),
    ],
)
def test_what_has_no_bound_says_so(endpoint: str, body: dict[str, Any] | None) -> None:
    with pytest.raises(UnboundedError):
        bounds_of(endpoint, body, 100)


def test_a_body_nested_without_end_is_no_text() -> None:
    nested: Any = "x"
    for _ in range(200):
        nested = [nested]
    assert bounds_of("messages", {"messages": nested, "max_tokens": 1}, 100).input_tokens is None
