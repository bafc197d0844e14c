"""Answers in both forms, held against the SDKs' own types."""

from typing import Any

import orjson
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tallygate.edge.cache.entry import Entry, Kind
from tallygate.edge.cache.replay import Replay, is_complete, kind_of, replay
from tallygate.edge.http.sse import SseSplitter, data_of

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}

CHAT: dict[str, Any] = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o-2024-08-06",
    "system_fingerprint": "fp", "service_tier": "default",
    "choices": [
        {"index": 0, "finish_reason": "tool_calls", "logprobs": None, "message": {
            "role": "assistant", "content": None, "refusal": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "é"}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ]}},
        {"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello\n\n\"you\""},
         "logprobs": {"content": [{"token": "H", "logprob": -0.1, "bytes": [72], "top_logprobs": []}]}},
    ],
    "usage": USAGE,
}  # fmt: skip
COMPLETION: dict[str, Any] = {
    "id": "cmpl-1", "object": "text_completion", "created": 1_700_000_000, "model": "gpt-3.5-turbo-instruct",
    "choices": [{"index": 0, "text": "once upon", "logprobs": None, "finish_reason": "length"}],
    "usage": USAGE,
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Look:", "citations": [
            {"type": "char_location", "cited_text": "a", "document_index": 0, "document_title": None,
             "start_char_index": 0, "end_char_index": 1, "file_id": None}]},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1, "é"]}},
        {"type": "text", "text": ""},
    ],
    "stop_reason": "tool_use", "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 3},
}  # fmt: skip
RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": "completed", "error": None,
    "incomplete_details": None, "instructions": None, "metadata": {}, "model": "gpt-5",
    "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
    "output": [
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "thought"}]},
        {"id": "m_1", "type": "message", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "Hi", "annotations": [
                {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 1}],
             "logprobs": []},
            {"type": "refusal", "refusal": "no"}]},
        {"id": "f_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}',
         "status": "completed"},
        {"id": "w_1", "type": "web_search_call", "status": "completed",
         "action": {"type": "search", "query": "q"}},
    ],
    "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12,
              "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
              "output_tokens_details": {"reasoning_tokens": 2}},
}  # fmt: skip
ANSWERS = {"chat/completions": CHAT, "completions": COMPLETION, "messages": MESSAGE, "responses": RESPONSE}
ENDS = {
    "chat/completions": b"[DONE]", "completions": b"[DONE]", "messages": b"message_stop",
    "responses": b"response.completed",
}  # fmt: skip
"""What a whole stream has in its last event that counts."""
WHOLE: dict[str, TypeAdapter[Any]] = {
    "chat/completions": TypeAdapter(ChatCompletion), "completions": TypeAdapter(Completion),
    "messages": TypeAdapter(Message), "responses": TypeAdapter(Response),
}  # fmt: skip
EVENTS: dict[str, TypeAdapter[Any]] = {
    "chat/completions": TypeAdapter(ChatCompletionChunk), "completions": TypeAdapter(object),
    "messages": TypeAdapter(RawMessageStreamEvent), "responses": TypeAdapter(ResponseStreamEvent),
}  # fmt: skip


def entry(kind: Kind, body: bytes, content_type: str = "x") -> Entry:
    return Entry(kind, body, 1, headers=(("content-type", content_type),))


def played(kind: Kind, body: bytes, endpoint: str, *, stream: bool, include_usage: bool = True) -> Replay:
    found = replay(entry(kind, body), endpoint, stream=stream, include_usage=include_usage)
    assert found is not None
    return found


def data(stream: bytes) -> list[bytes]:
    splitter = SseSplitter()
    found = [data_of(piece.raw) for piece in splitter.feed(stream)]
    assert splitter.close() == b""
    return found


@pytest.mark.parametrize("endpoint", ANSWERS)
def test_as_a_stream_and_back_it_is_the_same_answer_and_the_sdks_take_both(endpoint: str) -> None:
    answer = ANSWERS[endpoint]
    WHOLE[endpoint].validate_python(answer)
    streamed = played("json", orjson.dumps(answer), endpoint, stream=True)
    assert streamed.content_type == "text/event-stream"
    events = [each for each in data(streamed.body) if each != b"[DONE]"]
    for event in events:
        EVENTS[endpoint].validate_json(event)
    assert is_complete(endpoint, "sse", streamed.body)
    back = played("sse", streamed.body, endpoint, stream=False)
    assert back.content_type == "application/json"
    assert _without_nulls(orjson.loads(back.body)) == _without_nulls(answer)
    WHOLE[endpoint].validate_json(back.body)


def _without_nulls(value: Any) -> Any:
    """A null and a missing field mean the same in these APIs."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("endpoint", ANSWERS)
def test_the_same_form_is_byte_for_byte_what_was_stored(endpoint: str) -> None:
    body = orjson.dumps(ANSWERS[endpoint], option=orjson.OPT_INDENT_2)
    assert played("json", body, endpoint, stream=False).body == body
    stream = played("json", body, endpoint, stream=True).body.replace(b"\n", b"\r\n")
    assert played("sse", stream, endpoint, stream=True).body == stream


@pytest.mark.parametrize("kind", ["json", "sse"])
@pytest.mark.parametrize("endpoint", ["chat/completions", "completions"])
def test_usage_is_in_a_stream_only_if_asked_for(endpoint: str, kind: Kind) -> None:
    body = orjson.dumps(ANSWERS[endpoint])
    if kind == "sse":
        body = played("json", body, endpoint, stream=True).body
    with_usage = data(played(kind, body, endpoint, stream=True, include_usage=True).body)
    without = data(played(kind, body, endpoint, stream=True, include_usage=False).body)
    assert orjson.loads(with_usage[-2])["usage"] == USAGE
    assert with_usage[:-2] == without[:-1]
    assert without[-1] == b"[DONE]"


def test_other_endpoints_have_one_form() -> None:
    vectors = b'{"object": "list", "data": []}'
    assert played("json", vectors, "embeddings", stream=False).body == vectors
    assert replay(entry("json", vectors), "embeddings", stream=True, include_usage=False) is None
    speech = played("raw", b"RIFF", "audio/speech", stream=False)
    assert speech == Replay("x", b"RIFF")
    assert replay(entry("raw", b"?"), "chat/completions", stream=True, include_usage=False) is None


@pytest.mark.parametrize("endpoint", ANSWERS)
def test_a_stream_cut_anywhere_is_not_complete(endpoint: str) -> None:
    stream = played("json", orjson.dumps(ANSWERS[endpoint]), endpoint, stream=True).body
    for cut in range(0, stream.index(ENDS[endpoint]), 7):
        assert not is_complete(endpoint, "sse", stream[:cut])
    assert is_complete(endpoint, "sse", stream)


@pytest.mark.parametrize(
    ("endpoint", "kind", "body"),
    [
        ("chat/completions", "json", b""), ("chat/completions", "json", b"[]"),
        ("chat/completions", "json", b'{"a"'), ("chat/completions", "sse", b""),
        ("chat/completions", "json", b'{"error": {"message": "x"}}'),
        ("responses", "json", b'{"status": "in_progress"}'), ("responses", "json", b'{"status": "failed"}'),
        ("messages", "sse", b'data: {"type": "error", "error": {}}\n\ndata: {"type": "message_stop"}\n\n'),
        ("chat/completions", "sse", b"data: [DONE]\n\n"), ("embeddings", "sse", b"data: {}\n\n"),
        ("audio/speech", "raw", b""),
    ],
)  # fmt: skip
def test_not_complete(endpoint: str, kind: Kind, body: bytes) -> None:
    assert not is_complete(endpoint, kind, body)


def test_complete() -> None:
    assert is_complete("embeddings", "json", b'{"data": []}')
    assert is_complete("responses", "json", b'{"status": "completed", "error": null}')
    assert is_complete("audio/speech", "raw", b"RIFF")


def test_kinds() -> None:
    types = (
        "application/json; charset=utf-8",
        "Text/Event-Stream",
        "application/problem+json",
        "audio/mpeg",
        "",
    )
    assert [kind_of(each) for each in types] == ["json", "sse", "json", "raw", "raw"]


FIELDS = st.sampled_from(
    [
        "choices",
        "message",
        "delta",
        "tool_calls",
        "content",
        "type",
        "text",
        "output",
        "usage",
        "index",
        "input",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab\n", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=15,
)


@given(st.sampled_from(list(ANSWERS)), st.dictionaries(FIELDS, JSON, max_size=5))
def test_no_answer_however_odd_breaks_a_replay(endpoint: str, answer: dict[str, Any]) -> None:
    stream = played("json", orjson.dumps(answer), endpoint, stream=True).body
    assert isinstance(orjson.loads(played("sse", stream, endpoint, stream=False).body), dict)
    assert is_complete(endpoint, "sse", stream) in (True, False)


@given(st.sampled_from(list(ANSWERS)), st.binary(max_size=80))
def test_no_bytes_break_a_replay(endpoint: str, body: bytes) -> None:
    for kind in ("json", "sse", "raw"):
        for stream in (True, False):
            replay(entry(kind, body), endpoint, stream=stream, include_usage=False)
        assert is_complete(endpoint, kind, body) in (True, False)


def test_a_stream_that_lost_its_usage_serves_only_those_who_do_not_want_it() -> None:
    chunk: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    body = b"data: " + orjson.dumps(chunk | {"choices": [choice]}) + b"\n\ndata: [DONE]\n\n"
    for usage, served in ((USAGE, False), (None, True)):
        entry = Entry("sse", body, 0, usage=usage)
        for stream, asked in ((True, False), (True, True), (False, False)):
            found = replay(entry, "chat/completions", stream=stream, include_usage=asked)
            assert (found is not None) == (served or (stream and not asked))
