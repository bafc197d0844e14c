"""What cannot be translated is refused by name, or left out on demand; the malformed is always refused."""

from typing import Any

import pytest

from tallygate.edge.dialects.common.errors import InvalidFieldError, UnsupportedFieldError
from tallygate.edge.dialects.table import TRANSLATIONS
from tests.edge.dialects.checks import CHECKS
from tests.edge.dialects.conversations import CONVERSATIONS
from tests.edge.dialects.support import PNG, begin, sent

ANTHROPIC, GOOGLE, BEDROCK, CHAT = "anthropic.messages", "google.generate", "bedrock.converse", "openai.chat"
URL_IMAGE = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
BMP = {"type": "image_url", "image_url": {"url": f"data:image/bmp;base64,{PNG}"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
ZIP = {"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}}
FILE_ID = {"type": "file", "file": {"file_id": "file-1"}}


def user(*content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, *content], **more}]}


EVERY = (ANTHROPIC, GOOGLE, BEDROCK)
FROM_CHAT: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    (EVERY, {"n": 2}, "n"),
    (EVERY, {"logprobs": True}, "logprobs"),
    (EVERY, {"top_logprobs": 3}, "top_logprobs"),
    (EVERY, {"logit_bias": {"1": 5}}, "logit_bias"),
    (EVERY, {"store": True}, "store"),
    (EVERY, {"modalities": ["text", "audio"]}, "modalities"),
    (EVERY, {"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
    (EVERY, {"prediction": {"type": "content", "content": "x"}}, "prediction"),
    (EVERY, {"web_search_options": {}}, "web_search_options"),
    (EVERY, {"functions": [{"name": "f"}]}, "functions"),
    (EVERY, {"function_call": "auto"}, "function_call"),
    (EVERY, {"moderation": {"model": "x"}}, "moderation"),
    (EVERY, {"some_new_field": 1}, "some_new_field"),
    (EVERY, {"verbosity": "low"}, "verbosity"),
    (EVERY, {"service_tier": "scale"}, "service_tier"),
    (EVERY, {"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0]"),
    (EVERY, {"tool_choice": {"type": "custom", "custom": {"name": "c"}}}, "tool_choice"),
    (EVERY, user(name="Ann"), "messages[0].name"),
    (EVERY, user(FILE_ID), "messages[0].content[1].file.file_id"),
    (EVERY, user({"type": "video", "video": {}}), "messages[0].content[1]"),
    ((ANTHROPIC, BEDROCK), {"seed": 1}, "seed"),
    ((ANTHROPIC, BEDROCK), {"presence_penalty": 0.5}, "presence_penalty"),
    ((ANTHROPIC, BEDROCK), {"frequency_penalty": 0.5}, "frequency_penalty"),
    ((ANTHROPIC, BEDROCK), {"temperature": 1.5}, "temperature"),
    ((ANTHROPIC, BEDROCK), {"temperature": 0.5, "top_p": 0.5}, "top_p"),
    ((ANTHROPIC, GOOGLE), {"metadata": {"team": "a"}}, "metadata"),
    ((ANTHROPIC,), {"service_tier": "flex"}, "service_tier"),
    ((ANTHROPIC,), {"stop": ["x", "\n"]}, "stop"),
    ((ANTHROPIC,), user(AUDIO), "messages[0].content[1]"),
    ((ANTHROPIC, BEDROCK), user(BMP), "messages[0].content[1]"),
    ((ANTHROPIC, BEDROCK), user(ZIP), "messages[0].content[1]"),
    ((BEDROCK,), user(URL_IMAGE), "messages[0].content[1]"),
    ((GOOGLE, BEDROCK), {"parallel_tool_calls": False}, "parallel_tool_calls"),
    ((BEDROCK,), {"tool_choice": "none"}, "tool_choice"),
    ((GOOGLE,), {"stop": list("abcdef")}, "stop"),
    (
        (ANTHROPIC,),
        {"reasoning_effort": "high", "max_completion_tokens": 1500, "temperature": None},
        "reasoning_effort",
    ),
]
CHAT_CASES = [(provider, body, field) for providers, body, field in FROM_CHAT for provider in providers]

FROM_ANTHROPIC: list[tuple[str, dict[str, Any], str]] = [
    (CHAT, {"top_k": 5}, "top_k"),
    (CHAT, {"stop_sequences": list("abcde")}, "stop_sequences"),
    (CHAT, {"container": "c"}, "container"),
    (CHAT, {"mcp_servers": []}, "mcp_servers"),
    (CHAT, {"speed": "fast"}, "speed"),
    (CHAT, {"context_management": {}}, "context_management"),
    (CHAT, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
    (CHAT, {"tools": [{"name": "a", "input_schema": {}, "defer_loading": True}]}, "tools[0].defer_loading"),
    (CHAT, {"metadata": {"user_id": "a", "other": "b"}}, "metadata.other"),
    (CHAT, user({"type": "search_result"}), "messages[0].content[1]"),
    (
        CHAT,
        user({"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}}),
        "messages[0].content[1]",
    ),
    (
        CHAT,
        user({"type": "image", "source": {"type": "file", "file_id": "f"}}),
        "messages[0].content[1].source",
    ),
    (
        CHAT,
        user(
            {
                "type": "document",
                "source": {"type": "text", "data": "x", "media_type": "text/plain"},
                "citations": {"enabled": True},
            }
        ),
        "messages[0].content[1].citations",
    ),
]

FROM_RESPONSES: list[tuple[str, dict[str, Any], str]] = [
    (CHAT, {"previous_response_id": "resp_1"}, "previous_response_id"),
    (CHAT, {"conversation": "c"}, "conversation"),
    (CHAT, {"background": True}, "background"),
    (CHAT, {"store": True}, "store"),
    (CHAT, {"truncation": "auto"}, "truncation"),
    (CHAT, {"top_logprobs": 2}, "top_logprobs"),
    (CHAT, {"max_tool_calls": 2}, "max_tool_calls"),
    (CHAT, {"prompt": {"id": "p"}}, "prompt"),
    (CHAT, {"include": ["message.output_text.logprobs"]}, "include[0]"),
    (CHAT, {"tools": [{"type": "web_search"}]}, "tools[0]"),
    (CHAT, {"tool_choice": {"type": "mcp", "server_label": "x"}}, "tool_choice"),
    (CHAT, {"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    (ANTHROPIC, {"text": {"verbosity": "low"}}, "text.verbosity"),
    (
        CHAT,
        {"input": [{"role": "user", "content": "Hi"}, {"type": "item_reference", "id": "x"}]},
        "input[1]",
    ),
    (
        CHAT,
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "Hi"},
                        {"type": "input_image", "file_id": "f"},
                    ],
                }
            ]
        },
        "input[0].content[1].file_id",
    ),
]

CASES = [
    *(("openai.chat", *case) for case in CHAT_CASES),
    *(("anthropic.messages", *case) for case in FROM_ANTHROPIC),
    *(("openai.responses", *case) for case in FROM_RESPONSES),
]


@pytest.mark.parametrize(("caller", "provider", "more", "field"), CASES)
def test_is_refused_by_name_or_left_out(caller: Any, provider: Any, more: Any, field: str) -> None:
    body = CONVERSATIONS[caller] | more
    with pytest.raises(UnsupportedFieldError) as caught:
        begin(caller, provider, body)
    assert caught.value.field == field
    assert caught.value.message
    exchange = begin(caller, provider, body, drop=True)
    assert field in exchange.dropped
    CHECKS[provider](sent(caller, provider, body, drop=True))


NEUTRAL: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "n": 1,
        "logprobs": False,
        "logit_bias": {},
        "store": False,
        "modalities": ["text"],
        "presence_penalty": 0,
        "frequency_penalty": 0.0,
        "verbosity": "medium",
        "audio": None,
        "seed": None,
        "service_tier": "auto",
        "prompt_cache_key": "k",
        "temperature": 1,
        "top_p": 1,
    },
    "anthropic.messages": {
        "top_k": None,
        "speed": "standard",
        "service_tier": "auto",
        "container": None,
    },
    "openai.responses": {
        "background": False,
        "truncation": "disabled",
        "top_logprobs": 0,
        "previous_response_id": None,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
    },
}


@pytest.mark.parametrize(("caller", "provider"), sorted(TRANSLATIONS))
def test_what_asks_for_nothing_is_not_refused(caller: Any, provider: Any) -> None:
    exchange = begin(caller, provider, CONVERSATIONS[caller] | NEUTRAL[caller])
    assert exchange.dropped == ()


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} | more]}


URL = "messages[0].content[0].image_url.url"
MALFORMED: list[tuple[str, dict[str, Any], str]] = [
    ("openai.chat", {"messages": None}, "messages"),
    ("openai.chat", {"messages": []}, "messages"),
    ("openai.chat", {"messages": "hi"}, "messages"),
    ("openai.chat", {"messages": ["hi"]}, "messages[0]"),
    ("openai.chat", message("king", "x"), "messages[0].role"),
    ("openai.chat", message("user", 5), "messages[0].content"),
    ("openai.chat", message("user", [{"type": "text"}]), "messages[0].content[0].text"),
    ("openai.chat", message("user", [{"type": "image_url", "image_url": {"url": "x"}}]), URL),
    ("openai.chat", message("user", [{"type": "image_url", "image_url": {"url": "data:,x"}}]), URL),
    (
        "openai.chat",
        message("user", [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%"}}]),
        URL,
    ),
    ("openai.chat", message("system", "only a system prompt"), "messages"),
    ("openai.chat", message("tool", "x"), "messages[0].tool_call_id"),
    (
        "openai.chat",
        message("assistant", None, tool_calls=[{"id": "a", "function": {"name": "f", "arguments": "{"}}]),
        "messages[0].tool_calls[0].function.arguments",
    ),
    (
        "openai.chat",
        message("assistant", None, tool_calls=[{"id": "a", "function": {"name": "f", "arguments": "[]"}}]),
        "messages[0].tool_calls[0].function.arguments",
    ),
    ("openai.chat", {"temperature": "hot"}, "temperature"),
    ("openai.chat", {"temperature": True}, "temperature"),
    ("openai.chat", {"max_tokens": 0}, "max_tokens"),
    ("openai.chat", {"max_tokens": 1.5}, "max_tokens"),
    ("openai.chat", {"stop": [1]}, "stop"),
    ("openai.chat", {"stream": "yes"}, "stream"),
    ("openai.chat", {"tools": [{"type": "function"}]}, "tools[0].function"),
    ("openai.chat", {"tool_choice": "maybe"}, "tool_choice"),
    ("openai.chat", {"response_format": {"type": "xml"}}, "response_format.type"),
    ("openai.chat", {"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ("openai.chat", {"reasoning_effort": "huge"}, "reasoning_effort"),
    ("anthropic.messages", {"max_tokens": None}, "max_tokens"),
    ("anthropic.messages", {"messages": None}, "messages"),
    (
        "anthropic.messages",
        message("user", [{"type": "tool_use", "id": "a", "name": "b"}]),
        "messages[0].content[0].input",
    ),
    ("anthropic.messages", message("robot", "x"), "messages[0].role"),
    ("anthropic.messages", {"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ("anthropic.messages", {"thinking": {"type": "deep"}}, "thinking.type"),
    ("anthropic.messages", {"tool_choice": {"type": "some"}}, "tool_choice.type"),
    ("anthropic.messages", {"output_config": {"effort": "huge"}}, "output_config.effort"),
    (
        "anthropic.messages",
        {"system": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]},
        "system[0]",
    ),
    ("openai.responses", {"input": None}, "input"),
    ("openai.responses", {"input": []}, "input"),
    ("openai.responses", {"input": [{"role": "user", "content": None}]}, "input[0].content"),
    ("openai.responses", {"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
    ("openai.responses", {"max_output_tokens": 0}, "max_output_tokens"),
    ("openai.responses", {"text": {"format": {"type": "xml"}}}, "text.format.type"),
]


@pytest.mark.parametrize(("caller", "more", "field"), MALFORMED)
@pytest.mark.parametrize("drop", [False, True])
def test_malformed_is_refused_by_name(caller: Any, more: Any, field: str, drop: bool) -> None:
    provider: Any = BEDROCK
    with pytest.raises(InvalidFieldError) as caught:
        begin(caller, provider, CONVERSATIONS[caller] | more, drop=drop)
    assert caught.value.field == field


def test_tool_result_without_its_call() -> None:
    body = {"messages": [{"role": "tool", "tool_call_id": "gone", "content": "x"}]}
    with pytest.raises(InvalidFieldError) as caught:
        begin("openai.chat", "google.generate", body)
    assert caught.value.field == "messages[0]"
