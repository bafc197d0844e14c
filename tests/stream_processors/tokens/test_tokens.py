import json
import threading
import time
from typing import Any

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.call import Body
from tallygate.stream_processors.tokens import Estimate, TokenCounter, estimate
from tallygate.stream_processors.tokens.approximate import approximate_tokens
from tallygate.stream_processors.tokens.counter import MAX_EXACT_CHARS, encoding_name
from tallygate.stream_processors.tokens.texts import texts_of_answer, texts_of_request, token_ids
from tests.support.wait import eventually_sync

BYTES = tiktoken.Encoding(
    "bytes", pat_str=r"[\s\S]", mergeable_ranks={bytes([b]): b for b in range(256)}, special_tokens={}
)
"""A real encoding, of one token a byte: makes sums easy to check."""
COUNTER = TokenCounter(load=False, vocabularies={"o200k_base": BYTES})


def body(value: Any, **fields: Any) -> Body:
    text = value if isinstance(value, str) else json.dumps(value)
    return Body(**{"text": text, "size_bytes": len(text.encode()), **fields})


@pytest.mark.parametrize(
    ("text", "tokens"),  # as o200k_base counts them
    [
        ("", 0),
        ("Hello, world!", 4),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("请用三句话总结以下文章并列出最重要的未解决问题", 16),
        ("다음 기사를 세 문장으로 요약하고 가장 중요한 미해결 질문을 나열해 주세요.", 23),
        ("Пожалуйста, кратко изложите следующую статью в трёх предложениях.", 19),
        ("def f(x: int) -> int:\n    return x + 1\n", 16),
        ('{"name": "Ada", "age": 36}', 12),
    ],
)
def test_the_approximation_is_near(text: str, tokens: int) -> None:
    assert approximate_tokens(text) == pytest.approx(tokens, rel=0.3)


@given(st.text(), st.text())
def test_the_approximation_is_a_count(left: str, right: str) -> None:
    assert 0 <= approximate_tokens(left) <= 2 * len(left) + 1
    together = approximate_tokens(f"{left} {right}")
    assert together == pytest.approx(approximate_tokens(left) + approximate_tokens(right), abs=1.1)


def test_encodings_follow_the_model() -> None:
    assert encoding_name("gpt-4") == encoding_name("openai/gpt-4-0613") == "cl100k_base"
    assert encoding_name("gpt-3.5-turbo") == encoding_name("text-embedding-3-small") == "cl100k_base"
    assert (
        encoding_name("gpt-4o-mini")
        == encoding_name("claude-sonnet-4-5")
        == encoding_name("")
        == "o200k_base"
    )


def test_tiktoken_counts_where_it_is_there() -> None:
    assert COUNTER.count("a<|endoftext|>é", "gpt-4o") == 16
    assert COUNTER.count("some words here", "gpt-4") == 3  # no vocabulary for that one
    long = "ab" * MAX_EXACT_CHARS
    assert COUNTER.count(long, "gpt-4o") == len(long)


def test_an_encoding_that_does_not_come_stalls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, release = threading.Event(), threading.Event()

    def slow(name: str) -> tiktoken.Encoding:
        asked.set()
        release.wait(30)
        return BYTES

    monkeypatch.setattr(tiktoken, "get_encoding", slow)
    counter = TokenCounter()
    started = time.monotonic()
    assert counter.count("Hello there", "gpt-4o") == 2
    assert counter.count("Hello there", "gpt-4o") == 2
    assert time.monotonic() - started < 5
    assert asked.wait(30)
    release.set()
    eventually_sync(lambda: counter.count("Hello there", "gpt-4o") == 11)


def test_an_encoding_that_fails_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unreachable(name: str) -> tiktoken.Encoding:
        asked.append(name)
        raise ConnectionError("no network")

    monkeypatch.setattr(tiktoken, "get_encoding", unreachable)
    counter = TokenCounter()
    assert counter.count("Hello there", "gpt-4o") == 2
    eventually_sync(lambda: asked)
    for _ in range(3):
        assert counter.count("Hello there", "gpt-4o") == 2
    assert asked == ["o200k_base"]


@pytest.mark.parametrize(
    ("request_json", "tokens"),
    [
        # 3 a message, its role and text, 3 for the answer's start
        ({"messages": [{"role": "user", "content": "abcd"}]}, 3 + 4 + 4 + 3),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "abcd"}, {"type": "image_url"}]}
                ]
            },
            3 + 4 + 4 + 3,
        ),
        ({"messages": [{"role": "user", "name": "ada", "content": "x"}]}, 3 + 4 + 3 + 1 + 3),
        (
            {
                "messages": [
                    {"role": "tool", "tool_call_id": "call_1", "content": "ok"},
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
                    },
                ]
            },
            3 + 4 + 2 + 3 + 9 + 1 + 2 + 3,
        ),
        ({"system": "Be brief.", "messages": [{"role": "user", "content": "x"}]}, 9 + 3 + 4 + 1 + 3),
        ({"system": [{"type": "text", "text": "Be"}], "messages": []}, 2),
        ({"instructions": "Be", "input": "abc"}, 5),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "abc"}]}]}, 4 + 3),
        ({"input": ["ab", "cde"]}, 5),
        ({"input": [1, 2, 3]}, 3),
        ({"input": [[1, 2], [3, True]]}, 3),
        ({"prompt": "abc", "suffix": "d"}, 4),
        (
            {
                "systemInstruction": {"parts": [{"text": "Be"}]},
                "contents": [{"role": "user", "parts": [{"text": "abc"}]}],
            },
            2 + 3 + 4 + 3 + 3,
        ),
        ({"input": "x", "tools": [{"name": "f"}]}, 1 + len('[{"name":"f"}]')),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}
                ]
            },
            10,
        ),
        ({"messages": "nonsense", "input": 5, "prompt": None}, 0),
        ([1, 2], len("[1, 2]")),
        ("just text", 9),
    ],
    ids=str,
)
def test_input_of_every_dialect(request_json: Any, tokens: int) -> None:
    assert estimate(body(request_json), "", "gpt-4o", COUNTER) == Estimate(tokens, 0)


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        ({"choices": [{"index": 0, "message": {"role": "assistant", "content": "abc"}}]}, 3),
        (
            {
                "choices": [
                    {"message": {"content": "abc", "reasoning_content": "hm"}},
                    {"message": {"content": "d"}},
                ]
            },
            6,
        ),
        (
            {
                "choices": [
                    {"message": {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}}
                ]
            },
            3,
        ),
        ({"choices": [{"text": "abc"}]}, 3),
        (
            {
                "content": [
                    {"type": "text", "text": "abc"},
                    {"type": "tool_use", "name": "f", "input": {"q": "xy"}},
                ]
            },
            6,
        ),
        ({"content": [{"type": "thinking", "thinking": "hm", "signature": "EqQB"}]}, 2),
        ({"output": [{"type": "message", "content": [{"type": "output_text", "text": "abc"}]}]}, 3),
        (
            {
                "candidates": [
                    {"content": {"role": "model", "parts": [{"text": "abc"}]}, "finishReason": "STOP"}
                ]
            },
            3,
        ),
        ({"object": "list", "data": [{"embedding": [0.1]}]}, 0),
        ({"error": {"message": "no"}}, 0),
        ("a transcript", 12),
    ],
    ids=str,
)
def test_output_of_every_dialect(answer: Any, tokens: int) -> None:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    assert estimate(body({"input": "x"}), text, "gpt-4o", COUNTER) == Estimate(1, tokens)


def test_a_prompt_that_was_cut_is_scaled_to_its_size() -> None:
    cut = body('{"messages":[{"role":"us', size_bytes=240, truncated=True)
    assert estimate(cut, "", "gpt-4o", COUNTER) == Estimate(240, 0)


def test_no_estimate_without_the_request() -> None:
    assert estimate(None, "text", "gpt-4o", COUNTER) is None
    assert estimate(body("AAAA", encoding="base64"), "text", "gpt-4o", COUNTER) is None
    assert estimate(body(""), "text", "gpt-4o", COUNTER) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["messages", "content", "text", "input", "tools", "parts"]), inner)
    ),
)


@given(json_values, json_values)
def test_no_json_makes_it_fail(request_json: Any, answer: Any) -> None:
    tokens = estimate(body(json.dumps(request_json)), json.dumps(answer), "gpt-4o", TokenCounter(load=False))
    assert tokens is not None
    assert tokens.input_tokens >= 0
    assert tokens.output_tokens >= 0


def test_nesting_deeper_than_python_may_recurse() -> None:
    deep: Any = "x"
    for _ in range(20_000):
        deep = {"content": [deep]}
    assert list(texts_of_request(deep)) == list(texts_of_answer(deep)) == ["x"]
    assert token_ids(deep) == 0
