"""Streams of every dialect, whole and cut anywhere, to the message they stand for."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.schemas.assemble import readable_request, readable_response
from tallygate.schemas.call import Body


def body(text: str, *, truncated: bool = False) -> Body:
    return Body(text=text, size_bytes=len(text.encode()), truncated=truncated)


def sse(*events: Any, named: bool = False) -> str:
    return "".join(
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events
    )


def assembled(text: str) -> Any:
    return json.loads(readable_response(body(text)))


def chunk(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}
    return {**head, **fields, "choices": list(choices)}


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish}


CHAT = (
    sse(
        chunk(delta(role="assistant", content="")),
        chunk(delta(content="Hel"), delta(1, role="assistant", content="Sal")),
        chunk(delta(content="lo \U0001f600")),
        chunk(delta(1, content="ut")),
        chunk(delta(finish="stop"), delta(1, finish="length")),
        chunk(usage={"prompt_tokens": 3, "completion_tokens": 4}),
    )
    + "data: [DONE]\n\n"
)

TOOLS = sse(
    chunk(delta(role="assistant", content=None, reasoning_content="I should ")),
    chunk(delta(reasoning_content="look.")),
    chunk(
        delta(
            tool_calls=[
                {
                    "index": 0,
                    "id": "call_a",
                    "type": "function",
                    "function": {"name": "find", "arguments": ""},
                }
            ]
        )
    ),
    chunk(delta(tool_calls=[{"index": 0, "function": {"arguments": '{"q":'}}])),
    chunk(
        delta(tool_calls=[{"index": 1, "id": "call_b", "function": {"name": "now", "arguments": "{}"}}]),
    ),
    chunk(delta(tool_calls=[{"index": 0, "function": {"arguments": '"x"}'}}])),
    chunk(delta(finish="tool_calls")),
)

CLAUDE = sse(
    {
        "type": "message_start",
        "message": {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 9}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s="}},
    {"type": "content_block_stop", "index": 0},
    {"type": "ping"},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Bon"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "jour"}},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ":1}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
    named=True,
)

RESPONSES = sse(
    {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"type": "message", "role": "assistant", "content": []},
    },
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "lo"},
    {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "name": "f"}},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a":'},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "1}"},
    {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": ["the whole"]}},
    named=True,
)

GEMINI_CHUNKS = [
    {
        "candidates": [
            {"index": 0, "content": {"role": "model", "parts": [{"text": "Let me", "thought": True}]}}
        ],
        "usageMetadata": {"promptTokenCount": 4},
    },
    {
        "candidates": [
            {"index": 0, "content": {"role": "model", "parts": [{"text": " see", "thought": True}]}}
        ]
    },
    {"candidates": [{"index": 0, "content": {"parts": [{"text": "Ol"}, {"functionCall": {"name": "f"}}]}}]},
    {
        "candidates": [{"index": 0, "content": {"parts": [{"text": "á"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2},
        "modelVersion": "gemini-2.5-flash",
    },
]
GEMINI = sse(*GEMINI_CHUNKS)


def test_chat_chunks_become_a_completion() -> None:
    whole = assembled(CHAT)
    assert whole["object"] == "chat.completion"
    assert whole["usage"] == {"prompt_tokens": 3, "completion_tokens": 4}
    assert [choice["message"] for choice in whole["choices"]] == [
        {"role": "assistant", "content": "Hello \U0001f600"},
        {"role": "assistant", "content": "Salut"},
    ]
    assert [choice["finish_reason"] for choice in whole["choices"]] == ["stop", "length"]


def test_tool_calls_and_reasoning_are_put_together() -> None:
    (choice,) = assembled(TOOLS)["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning_content"] == "I should look."
    first, second = choice["message"]["tool_calls"]
    assert first == {
        "id": "call_a",
        "type": "function",
        "function": {"name": "find", "arguments": '{"q":"x"}'},
    }
    assert second == {"id": "call_b", "function": {"name": "now", "arguments": "{}"}}


def test_completions_are_put_together() -> None:
    parts = [{"object": "text_completion", "choices": [{"index": 0, "text": t}]} for t in ("a", "b", "c")]
    assert assembled(sse(*parts)) == {"object": "text_completion", "choices": [{"index": 0, "text": "abc"}]}


def test_log_probabilities_and_audio_are_put_together() -> None:
    text = sse(
        chunk({**delta(content="a"), "logprobs": {"content": [{"token": "a"}]}}),
        chunk({**delta(content="b"), "logprobs": {"content": [{"token": "b"}]}}),
        chunk(delta(audio={"id": "x", "transcript": "he"})),
        chunk(delta(audio={"transcript": "y", "data": "AA=="})),
    )
    (choice,) = assembled(text)["choices"]
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}
    assert choice["message"]["audio"] == {"id": "x", "transcript": "hey", "data": "AA=="}


def test_anthropics_events_become_a_message() -> None:
    message = assembled(CLAUDE)
    assert message["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s="},
        {"type": "text", "text": "Bonjour"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    assert message["usage"] == {"input_tokens": 9, "output_tokens": 7}
    assert (message["id"], message["stop_reason"]) == ("m", "tool_use")


def test_a_tools_input_that_was_cut_is_kept_as_text() -> None:
    cut = CLAUDE[
        : CLAUDE.index('event: content_block_delta\ndata: {"type": "content_block_delta", "index": 2')
    ]
    half = sse(
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
        }
    )
    assert assembled(cut + half)["content"][2]["input"] == '{"a"'


def test_the_final_response_is_taken_as_sent() -> None:
    assert assembled(RESPONSES) == {"id": "r", "status": "completed", "output": ["the whole"]}


def test_a_response_that_was_cut_has_what_came() -> None:
    cut = assembled(RESPONSES[: RESPONSES.index("event: response.completed")])
    message, call = cut["output"]
    assert message["content"] == [{"type": "output_text", "text": "Hello"}]
    assert (message["status"], message["role"]) == ("incomplete", "assistant")
    assert call == {"type": "function_call", "name": "f", "arguments": '{"a":1}'}
    assert cut["status"] == "in_progress"


@pytest.mark.parametrize("text", [GEMINI, json.dumps(GEMINI_CHUNKS, indent=1)], ids=["events", "array"])
def test_geminis_chunks_are_merged(text: str) -> None:
    whole = assembled(text)
    (candidate,) = whole["candidates"]
    assert candidate["content"] == {
        "role": "model",
        "parts": [
            {"text": "Let me see", "thought": True},
            {"text": "Ol"},
            {"functionCall": {"name": "f"}},
            {"text": "á"},
        ],
    }
    assert candidate["finishReason"] == "STOP"
    assert whole["usageMetadata"] == {"promptTokenCount": 4, "candidatesTokenCount": 2}


def test_an_error_inside_a_stream_is_kept() -> None:
    assert assembled(sse(chunk(delta(content="a")), {"error": {"message": "overloaded"}}))["error"] == {
        "message": "overloaded"
    }
    claude = sse(
        {"type": "message_start", "message": {}}, {"type": "error", "error": {"type": "overloaded_error"}}
    )
    assert assembled(claude)["error"] == {"type": "overloaded_error"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        '{"choices":[]}',
        '{"error":{"message":"no"}}',
        "[1,2]",
        '[{"id":1}]',
        '[{"candidates":',
        "data: [DONE]\n\n",
        'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\n',
        "data: not json\n\ndata: {\n\n",
        ": comment\n\n",
        "datastream",
        "event: x",
    ],
)
def test_what_is_no_known_stream_stays_as_it_was(text: str) -> None:
    assert readable_response(body(text)) == text


def test_line_ends_comments_and_byte_order_marks_do_not_matter() -> None:
    wanted = assembled(CHAT)
    assert assembled(CHAT.replace("\n", "\r\n")) == wanted
    assert assembled(CHAT.replace("\n", "\r")) == wanted
    assert assembled("\ufeff: hello\n\n" + CHAT.replace("data: ", "data:")) == wanted
    two_lines = 'data: {"choices":\ndata: [{"index":0,"text":"a"}]}\n\n'
    assert assembled(two_lines)["choices"] == [{"index": 0, "text": "a"}]


def test_bodies_that_were_not_text() -> None:
    binary = Body(text=base64.b64encode(b"\x00\xffpng").decode(), encoding="base64", size_bytes=5)
    assert readable_response(binary) == readable_request(binary) == binary.text
    broken = CHAT.encode().replace(b"Hel", b"H\xffl")
    stream = Body(text=base64.b64encode(broken).decode(), encoding="base64", size_bytes=len(broken))
    message = json.loads(readable_response(stream))["choices"][0]["message"]
    assert message["content"] == "H\ufffdllo \U0001f600"
    not_base64 = Body(text="a", encoding="base64", size_bytes=1)
    assert readable_response(not_base64) == "a"
    assert readable_response(None) == readable_request(None) == ""


@pytest.mark.parametrize("text", [CHAT, TOOLS, CLAUDE, RESPONSES, GEMINI, json.dumps(GEMINI_CHUNKS)])
def test_a_stream_cut_anywhere_gives_what_there_is(text: str) -> None:
    for end in range(len(text)):
        result = readable_response(body(text[:end], truncated=True))
        assert result == text[:end] or isinstance(json.loads(result), dict)


NAMES = (
    "audio candidates choices content content_block delta function index item logprobs message output_index"
    " parts response text tool_calls type usage"
)
KINDS = (
    "content_block_delta error message_delta message_start response.completed response.created"
    " response.output_item.done response.x.delta"
)
names = st.sampled_from(NAMES.split())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(
    st.lists(st.dictionaries(names, json_values), max_size=4),
    st.lists(st.sampled_from(KINDS.split()), max_size=4),
)
def test_no_stream_makes_it_fail(events: list[dict[str, Any]], types: list[str]) -> None:
    typed = [{**event, "type": kind} for event, kind in zip(events, types, strict=False)]
    for stream in (events, typed):
        text = sse(*stream)
        result = readable_response(body(text))
        assert result == text or isinstance(json.loads(result), dict)


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert readable_response(body(text)) == text
    assert isinstance(readable_response(body("data: " + text)), str)


def test_deep_nesting_does_not_break_it() -> None:
    deep = '{"choices":' + "[" * 100_000
    assert readable_response(body(f"data: {deep}\n\n")) == f"data: {deep}\n\n"
    assert readable_response(body('[{"a":' * 50_000)) == '[{"a":' * 50_000
