"""Single fields, and what becomes of them at each provider."""

import json
from typing import Any

import pytest

from tallygate.edge.dialects.common.errors import UnsupportedFieldError
from tallygate.edge.dialects.common.json_mode import INSTRUCTION
from tests.edge.dialects.checks import check_anthropic, check_bedrock, check_google, check_openai
from tests.edge.dialects.conversations import SCHEMA
from tests.edge.dialects.support import PNG, answered, begin, events_of, sent, sse, streamed

Json = dict[str, Any]
HI: Json = {"messages": [{"role": "user", "content": "Hi"}]}
TOOLS: Json = {"tools": [{"type": "function", "function": {"name": "look"}}]}
FORMAT = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
}


def claude(more: Json, model: str = "claude-sonnet-4-5", **options: Any) -> Json:
    body = sent("openai.chat", "anthropic.messages", HI | more, model=model, **options)
    check_anthropic(body)
    return body


def gemini(more: Json, model: str = "gemini-2.5-flash", **options: Any) -> Json:
    body = sent("openai.chat", "google.generate", HI | more, model=model, **options)
    check_google(body)
    return body


def bedrock(more: Json, model: str = "amazon.nova-pro-v1:0", **options: Any) -> Json:
    body = sent("openai.chat", "bedrock.converse", HI | more, model=model, **options)
    check_bedrock(body)
    return body


def from_anthropic(more: Json, **options: Any) -> Json:
    body = sent("anthropic.messages", "openai.chat", HI | {"max_tokens": 10} | more, **options)
    check_openai(body)
    return body


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-sonnet-4-5-20250929", 32_000),
        ("claude-3-7-sonnet-latest", 8_192),
        ("claude-3-haiku-20240307", 4_096),
        ("claude-of-tomorrow", 32_000),
    ],
)
def test_claude_has_a_default_of_max_tokens(model: str, most: int) -> None:
    assert claude({}, model)["max_tokens"] == most


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config"),
    [
        ("claude-sonnet-4-5", "low", {"type": "enabled", "budget_tokens": 1_024}, None),
        ("claude-sonnet-4-5", "high", {"type": "enabled", "budget_tokens": 24_576}, None),
        ("claude-sonnet-4-5", "none", {"type": "disabled"}, None),
        ("claude-sonnet-4-6", "medium", {"type": "adaptive"}, {"effort": "medium"}),
        ("claude-opus-5-5", "minimal", {"type": "adaptive"}, {"effort": "low"}),
        ("claude-opus-5-5", "max", {"type": "adaptive"}, {"effort": "max"}),
    ],
)
def test_effort_for_claude(model: str, effort: str, thinking: Json, config: Json | None) -> None:
    body = claude({"reasoning_effort": effort}, model)
    assert body["thinking"] == thinking
    assert body.get("output_config") == config


def test_a_thinking_budget_stays_below_max_tokens() -> None:
    body = claude({"reasoning_effort": "high", "max_completion_tokens": 4_000})
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2_000}


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "medium", {"includeThoughts": True, "thinkingBudget": 8_192}),
        ("gemini-3-pro", "low", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3.8-flash", "max", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
    ],
)
def test_effort_for_gemini(model: str, effort: str, config: Json) -> None:
    body = gemini({"reasoning_effort": effort}, model)
    assert body["generationConfig"]["thinkingConfig"] == config


def test_gemini_3_always_thinks() -> None:
    with pytest.raises(UnsupportedFieldError, match="reasoning_effort"):
        gemini({"reasoning_effort": "none"}, "gemini-3-pro")


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("us.anthropic.claude-sonnet-4-5-v1:0", {"thinking": {"type": "enabled", "budget_tokens": 8_192}}),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "medium"}),
        ("amazon.nova-2-lite-v1:0", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}),
    ],
)
def test_effort_for_bedrock(model: str, more: Json) -> None:
    assert bedrock({"reasoning_effort": "medium"}, model)["additionalModelRequestFields"] == more


def test_effort_for_adaptive_claude_on_bedrock() -> None:
    body = bedrock({"reasoning_effort": "high"}, "anthropic.claude-opus-4-7")
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert body["outputConfig"] == {"effort": "high"}


def test_effort_for_a_model_of_bedrock_that_knows_none() -> None:
    with pytest.raises(UnsupportedFieldError, match="reasoning_effort"):
        bedrock({"reasoning_effort": "high"}, "meta.llama3-70b")


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1_024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8_000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30_000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, "xhigh"),
        ({"output_config": {"effort": "low"}}, "low"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}}, None),
    ],
)
def test_thinking_for_openai(fields: Json, effort: str | None) -> None:
    assert from_anthropic(fields).get("reasoning_effort") == effort


@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-sonnet-5", "claude-fable-5-1", "claude-new"])
@pytest.mark.parametrize("field", ["temperature", "top_p"])
def test_newer_claude_takes_no_sampling(model: str, field: str) -> None:
    with pytest.raises(UnsupportedFieldError, match=field):
        claude({field: 0.5}, model)
    assert field not in claude({field: 0.5}, model, drop=True)
    assert field not in claude({field: 1}, model)


def test_sampling_and_thinking_exclude_each_other() -> None:
    with pytest.raises(UnsupportedFieldError, match="temperature"):
        claude({"temperature": 0.2, "reasoning_effort": "low"})
    assert claude({"top_p": 0.97, "reasoning_effort": "low"})["top_p"] == 0.97
    assert claude({"temperature": 0.2, "reasoning_effort": "none"})["temperature"] == 0.2


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        ("auto", None, {"type": "auto"}),
        ("none", False, {"type": "none"}),
        ("required", None, {"type": "any"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
    ],
)
def test_tool_choice_for_claude(choice: str | None, parallel: bool | None, expected: Json | None) -> None:
    body = claude(TOOLS | {"tool_choice": choice, "parallel_tool_calls": parallel})
    assert body.get("tool_choice") == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "look"}, {"type": "function", "function": {"name": "look"}}),
    ],
)
def test_tool_choice_for_openai(choice: Json, expected: Any) -> None:
    tools = {"tools": [{"name": "look", "input_schema": {"type": "object"}}]}
    body = from_anthropic(tools | {"tool_choice": choice | {"disable_parallel_tool_use": True}})
    assert body["tool_choice"] == expected
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("auto", "AUTO"), ("none", "NONE"), ("required", "ANY")],
)
def test_tool_choice_for_gemini(choice: str, expected: str) -> None:
    body = gemini(TOOLS | {"tool_choice": choice})
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": expected}}


def test_tool_choice_for_bedrock() -> None:
    assert bedrock(TOOLS | {"tool_choice": "auto"})["toolConfig"]["toolChoice"] == {"auto": {}}
    assert bedrock(TOOLS | {"tool_choice": "required"})["toolConfig"]["toolChoice"] == {"any": {}}
    assert "toolConfig" not in bedrock(TOOLS | {"tool_choice": "none"})


def test_allowed_tools_are_the_only_ones_shown() -> None:
    both = {"tools": [{"type": "function", "function": {"name": name}} for name in ("look", "wait")]}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "wait"}}]}
    body = claude(both | {"tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}})
    assert [tool["name"] for tool in body["tools"]] == ["wait"]
    assert body["tool_choice"] == {"type": "any"}


def test_a_schema_is_native_where_there_is_one() -> None:
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert claude(FORMAT)["output_config"] == config
    config = gemini(FORMAT)["generationConfig"]
    assert config == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    text = bedrock(FORMAT)["outputConfig"]["textFormat"]
    assert json.loads(text["structure"]["jsonSchema"]["schema"]) == SCHEMA


def test_open_objects_of_a_schema_are_closed_for_claude() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}}
    more = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}
    closed = claude(more)["output_config"]["format"]["schema"]
    assert closed["additionalProperties"] is False
    assert closed["properties"]["a"]["items"]["additionalProperties"] is False
    assert "additionalProperties" not in schema


def test_json_mode() -> None:
    more = {"response_format": {"type": "json_object"}}
    assert claude(more)["system"] == [{"type": "text", "text": INSTRUCTION}]
    assert bedrock(more)["system"] == [{"text": INSTRUCTION}]
    assert gemini(more)["generationConfig"] == {"responseMimeType": "application/json"}


OLD = "claude-3-5-sonnet-20241022"


def test_a_schema_is_a_forced_tool_for_old_claude() -> None:
    body = claude(FORMAT, OLD)
    assert [tool["name"] for tool in body["tools"]] == ["json_answer"]
    assert body["tool_choice"] == {"type": "tool", "name": "json_answer"}
    both = claude(FORMAT | TOOLS, OLD)
    assert [tool["name"] for tool in both["tools"]] == ["look", "json_answer"]
    assert both["tool_choice"] == {"type": "any"}


def old_message(name: str) -> Json:
    return {
        "id": "msg_1",
        "model": OLD,
        "content": [{"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": "Bonn"}}],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def test_the_input_of_the_forced_tool_is_the_answer() -> None:
    exchange = begin("openai.chat", "anthropic.messages", HI | FORMAT | TOOLS, model=OLD)
    choice = answered(exchange, old_message("json_answer"))["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"] == '{"city":"Bonn"}'
    assert "tool_calls" not in choice["message"]
    choice = answered(exchange, old_message("look"))["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "look"


def test_the_input_of_the_forced_tool_is_streamed_as_text() -> None:
    exchange = begin("openai.chat", "anthropic.messages", HI | FORMAT | {"stream": True}, model=OLD)
    block = {"type": "tool_use", "id": "t", "name": "json_answer", "input": {}}
    stream = sse(
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": '{"city":'},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": '"Bonn"}'},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    )
    choices = [event["choices"][0] for event in events_of(streamed(exchange, [stream]))]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == '{"city":"Bonn"}'
    assert choices[-1]["finish_reason"] == "stop"


def test_a_strict_schema_stays_strict_for_openai() -> None:
    wanted = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    assert from_anthropic(wanted)["response_format"]["json_schema"]["strict"] is True
    loose = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}
    assert from_anthropic(loose)["response_format"]["json_schema"]["strict"] is False


def test_thoughts_come_back_to_claude_with_their_signatures() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "thinking", "thinking": "of another model", "signature": ""},
    ]
    turns = [*HI["messages"], {"role": "assistant", "content": "Yes", "thinking_blocks": blocks}]
    body = claude({"messages": [*turns, {"role": "user", "content": "Why?"}]})
    assert body["messages"][1]["content"] == [*blocks[:2], {"type": "text", "text": "Yes"}]


def gemini_turns(extra: Json) -> Json:
    calls = [
        {"id": f"c{index}", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        for index in range(2)
    ]
    calls[0] |= extra
    results = [{"role": "tool", "tool_call_id": f"c{index}", "content": "x"} for index in range(2)]
    return {"messages": [*HI["messages"], {"role": "assistant", "tool_calls": calls}, *results]}


def test_thought_signatures_come_back_to_gemini() -> None:
    signed = gemini_turns({"extra_content": {"google": {"thought_signature": "U2ln"}}})
    parts = gemini(signed, "gemini-3-pro")["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == ["U2ln", None]


def test_calls_that_were_made_elsewhere_are_marked_for_gemini_3() -> None:
    body = sent("openai.chat", "google.generate", gemini_turns({}), model="gemini-3-pro")
    parts = body["contents"][1]["parts"]
    marks = [part.get("thoughtSignature") for part in parts]
    assert marks == ["skip_thought_signature_validator", None]
    parts = gemini(gemini_turns({}))["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [None, None]


@pytest.mark.parametrize(
    ("model", "provider", "marked"),
    [
        ("gpt-5.6", "openai", True),
        ("gpt-6-astra", "openai", True),
        ("gpt-4o", "openai", False),
        ("gpt-6", "groq", False),
    ],
)
def test_cache_marks_for_openai(model: str, provider: str, marked: bool) -> None:
    block = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    more = {"messages": [{"role": "user", "content": [block]}]}
    content = from_anthropic(more, model=model, provider_name=provider)["messages"][0]["content"]
    expected = [{"type": "text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit"}}]
    assert content == (expected if marked else "long")


def test_breakpoints_of_openai_for_claude() -> None:
    part = {"type": "text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit"}}
    body = claude({"messages": [{"role": "user", "content": [part]}]})
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_automatic_caching_of_anthropic_for_bedrock() -> None:
    body = HI | {"max_tokens": 5, "cache_control": {"type": "ephemeral"}}
    content = sent("anthropic.messages", "bedrock.converse", body)["messages"][0]["content"]
    assert content == [{"text": "Hi"}, {"cachePoint": {"type": "default"}}]


@pytest.mark.parametrize(
    ("provider", "field"),
    [("openai", "max_completion_tokens"), ("mistral", "max_tokens"), ("vllm", "max_tokens")],
)
def test_max_tokens_by_provider(provider: str, field: str) -> None:
    body = sent("anthropic.messages", "openai.chat", HI | {"max_tokens": 7}, provider_name=provider)
    assert body[field] == 7


def test_top_k_goes_to_those_who_take_it() -> None:
    body = HI | {"max_tokens": 7, "top_k": 3}
    assert sent("anthropic.messages", "openai.chat", body, provider_name="vllm")["top_k"] == 3


def test_long_users_are_hashed_for_openai() -> None:
    user = from_anthropic({"metadata": {"user_id": "u" * 200}})["user"]
    assert len(user) == 64
    assert user == from_anthropic({"metadata": {"user_id": "u" * 200}})["user"]


def test_streams_of_openai_are_asked_for_usage() -> None:
    body = from_anthropic({"stream": True})
    assert body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in from_anthropic({"stream": True}, stream_usage=False)


def test_urls() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.webp"}}
    more = {"messages": [{"role": "user", "content": [image]}]}
    assert claude(more)["messages"][0]["content"][0]["source"] == {
        "type": "url",
        "url": "https://x.test/a.webp",
    }
    file = {"mimeType": "image/webp", "fileUri": "https://x.test/a.webp"}
    assert gemini(more)["contents"][0]["parts"] == [{"fileData": file}]
    s3 = {"type": "image_url", "image_url": {"url": "s3://b/a.png"}}
    body = bedrock({"messages": [{"role": "user", "content": [s3]}]})
    source = {"s3Location": {"uri": "s3://b/a.png"}}
    assert body["messages"][0]["content"] == [{"image": {"format": "png", "source": source}}]


def test_text_files() -> None:
    file = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGFsbG8="}}
    more = {"messages": [{"role": "user", "content": [file]}]}
    source = {"type": "text", "media_type": "text/plain", "data": "Hallo"}
    assert claude(more)["messages"][0]["content"] == [
        {"type": "document", "source": source, "title": "a.txt"}
    ]
    document = bedrock(more)["messages"][0]["content"][0]["document"]
    assert document == {"format": "txt", "name": "a 1", "source": {"bytes": "SGFsbG8="}}


def test_audio() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    more = {"messages": [{"role": "user", "content": [part]}]}
    blob = {"mimeType": "audio/wav", "data": "AAAA"}
    assert gemini(more)["contents"][0]["parts"] == [{"inlineData": blob}]
    block = {"audio": {"format": "wav", "source": {"bytes": "AAAA"}}}
    assert bedrock(more)["messages"][0]["content"] == [block]


def test_ids_that_claude_would_refuse_are_made_safe_alike() -> None:
    call_id = "call:1/" + "x" * 80
    call = {"id": call_id, "type": "function", "function": {"name": "f", "arguments": ""}}
    turns = [
        *HI["messages"],
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": ""},
    ]
    body = claude({"messages": turns})
    used = body["messages"][1]["content"][0]["id"]
    assert used == body["messages"][2]["content"][0]["tool_use_id"]
    assert len(used) <= 64
    assert used.replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "stop"),
        ("of tomorrow", "stop"),
    ],
)
def test_finish_reasons_of_claude(reason: str, finish: str) -> None:
    body = {"content": [{"type": "text", "text": "x"}], "stop_reason": reason}
    exchange = begin("openai.chat", "anthropic.messages", HI)
    assert answered(exchange, body)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("tool_calls", "tool_use"),
    ],
)
def test_finish_reasons_of_openai(reason: str, stop: str) -> None:
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": reason}]}
    exchange = begin("anthropic.messages", "openai.chat", HI | {"max_tokens": 5})
    assert answered(exchange, body)["stop_reason"] == stop


@pytest.mark.parametrize(
    ("reason", "finish"), [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter")]
)
def test_finish_reasons_of_gemini(reason: str, finish: str) -> None:
    body = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": reason}]}
    exchange = begin("openai.chat", "google.generate", HI)
    assert answered(exchange, body)["choices"][0]["finish_reason"] == finish


def test_a_prompt_that_gemini_blocks() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    exchange = begin("openai.chat", "google.generate", HI)
    choice = answered(exchange, body)["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", None)
    out = streamed(begin("openai.chat", "google.generate", HI | {"stream": True}), [sse(body)])
    assert events_of(out)[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_a_response_that_was_cut_off_is_incomplete() -> None:
    body = {"content": [{"type": "text", "text": "x"}], "stop_reason": "max_tokens"}
    response = answered(begin("openai.responses", "anthropic.messages", {"input": "Hi"}), body)
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}


def test_parallel_calls_that_share_an_index_are_told_apart() -> None:
    chunks = [
        {
            "choices": [
                {
                    "delta": {
                        "tool_calls": [
                            {"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}}
                        ]
                    }
                }
            ]
        }
        for name in ("a", "b")
    ]
    last = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    exchange = begin("anthropic.messages", "openai.chat", HI | {"max_tokens": 5, "stream": True})
    events = events_of(streamed(exchange, [sse(*chunks, last)]))
    blocks = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert [(block["id"], block["name"]) for block in blocks] == [("a", "a"), ("b", "b")]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_stream_without_its_last_marker_is_complete_if_it_said_why_it_stopped() -> None:
    chunk = {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}
    translator = begin("anthropic.messages", "openai.chat", HI | {"max_tokens": 5, "stream": True}).stream()
    translator.feed(sse(chunk))
    assert not translator.complete
    translator.close()
    assert translator.complete


def test_arguments_that_are_no_json_are_kept_for_anthropic() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": '{"a":'}}
    body = {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    message = answered(begin("anthropic.messages", "openai.chat", HI | {"max_tokens": 5}), body)
    assert message["content"][0]["input"] == {"invalid_json": '{"a":'}


def test_pictures_of_gemini_are_shown_as_markdown() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    body = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
    content = answered(begin("openai.chat", "google.generate", HI), body)["choices"][0]["message"]["content"]
    assert content == f"![](data:image/png;base64,{PNG})"
