"""The long conversation of every caller for every provider, piece by piece and by the makers' models."""

import copy
from typing import Any

import pytest

from tallygate.edge.dialects.table import TRANSLATIONS
from tests.edge.dialects.checks import CHECKS
from tests.edge.dialects.conversations import ANTHROPIC, CHAT, CONVERSATIONS, SCHEMA
from tests.edge.dialects.support import PDF, PNG, begin, sent

MARK_1H = {"type": "ephemeral", "ttl": "1h"}
MARK = {"type": "ephemeral"}


@pytest.mark.parametrize(("caller", "provider"), sorted(TRANSLATIONS))
@pytest.mark.parametrize("stream", [False, True])
def test_whole_conversation(caller: Any, provider: Any, stream: bool) -> None:
    body = CONVERSATIONS[caller] | {"stream": stream}
    before = copy.deepcopy(body)
    exchange = begin(caller, provider, body)
    assert body == before
    assert exchange.dropped == ()
    assert exchange.request.stream is stream
    CHECKS[provider](sent(caller, provider, body))


def test_chat_to_anthropic() -> None:
    body = sent("openai.chat", "anthropic.messages", CHAT)
    assert [block["text"] for block in body["system"]] == [
        "Be brief.",
        "Use metric units.",
        "Answer at once.",
    ]
    user, assistant, results = body["messages"]
    assert user["content"] == [
        {"type": "text", "text": "What is here?", "cache_control": MARK_1H},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            "title": "a.pdf",
        },
    ]
    assert assistant["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "look", "input": {"city": "Köln"}},
        {"type": "tool_use", "id": "call_2", "name": "look", "input": {}},
    ]
    assert results["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": "Rain"},
        {"type": "tool_result", "tool_use_id": "call_2", "content": '{"sun": true}'},
        {"type": "text", "text": "And now?"},
    ]
    assert body["tools"] == [
        {"name": "look", "description": "Looks.", "input_schema": SCHEMA, "strict": True},
        {"name": "wait", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert body["tool_choice"] == {"type": "tool", "name": "look"}
    assert (body["max_tokens"], body["temperature"]) == (500, 0.5)
    assert body["stop_sequences"] == ["END", "STOP"]
    assert body["metadata"] == {"user_id": "u-1"}


def test_chat_to_gemini() -> None:
    body = sent("openai.chat", "google.generate", CHAT)
    assert body["systemInstruction"]["parts"][0] == {"text": "Be brief."}
    user, model, results = body["contents"]
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert user["parts"] == [
        {"text": "What is here?"},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    ]
    assert model["parts"][1] == {"functionCall": {"id": "call_1", "name": "look", "args": {"city": "Köln"}}}
    rain = {"id": "call_1", "name": "look", "response": {"result": "Rain"}}
    sun = {"id": "call_2", "name": "look", "response": {"sun": True}}
    assert results["parts"] == [{"functionResponse": rain}, {"functionResponse": sun}, {"text": "And now?"}]
    declarations = body["tools"][0]["functionDeclarations"]
    assert declarations[0] == {"name": "look", "description": "Looks.", "parametersJsonSchema": SCHEMA}
    config = {"mode": "ANY", "allowedFunctionNames": ["look"]}
    assert body["toolConfig"] == {"functionCallingConfig": config}
    assert body["generationConfig"] == {
        "maxOutputTokens": 500,
        "temperature": 0.5,
        "stopSequences": ["END", "STOP"],
    }


def test_gemini_paths() -> None:
    plain = begin("openai.chat", "google.generate", CHAT).request
    assert plain.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    stream = begin("openai.chat", "google.generate", CHAT | {"stream": True}).request
    assert stream.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


def test_chat_to_bedrock() -> None:
    exchange = begin("openai.chat", "bedrock.converse", CHAT)
    assert exchange.request.path == "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    body = sent("openai.chat", "bedrock.converse", CHAT)
    assert [block["text"] for block in body["system"]] == [
        "Be brief.",
        "Use metric units.",
        "Answer at once.",
    ]
    user, assistant, results = body["messages"]
    assert user["content"] == [
        {"text": "What is here?"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"document": {"format": "pdf", "name": "a 1", "source": {"bytes": PDF}}},
    ]
    use = {"toolUseId": "call_1", "name": "look", "input": {"city": "Köln"}}
    assert assistant["content"][1] == {"toolUse": use}
    rain = {"toolUseId": "call_1", "content": [{"text": "Rain"}]}
    assert results["content"][0] == {"toolResult": rain}
    spec = {"name": "look", "description": "Looks.", "inputSchema": {"json": SCHEMA}, "strict": True}
    assert body["toolConfig"]["tools"][0] == {"toolSpec": spec}
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "look"}}
    config = {"maxTokens": 500, "temperature": 0.5, "stopSequences": ["END", "STOP"]}
    assert body["inferenceConfig"] == config


def test_bedrock_streams_at_another_path() -> None:
    path = begin("openai.chat", "bedrock.converse", CHAT | {"stream": True}).request.path
    assert path.endswith("/converse-stream")


def test_anthropic_to_chat() -> None:
    body = sent("anthropic.messages", "openai.chat", ANTHROPIC)
    system, user, assistant, rain, broken, more = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user["content"][1] == {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{PNG}"},
    }
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    assert user["content"][2] == {"type": "file", "file": file}
    assert assistant == {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {
                "id": "toolu_1",
                "type": "function",
                "function": {"name": "look", "arguments": '{"city":"Köln"}'},
            },
            {"id": "toolu_2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        ],
    }
    assert rain == {"role": "tool", "tool_call_id": "toolu_1", "content": "Rain"}
    assert broken == {"role": "tool", "tool_call_id": "toolu_2", "content": "Error: broken"}
    assert [part["type"] for part in more["content"]] == ["image_url", "text"]
    assert body["tool_choice"] == "required"
    assert (body["max_completion_tokens"], body["user"]) == (500, "u-1")
    assert body["stop"] == ["END"]


def test_anthropic_to_bedrock_keeps_thoughts_and_marks() -> None:
    body = sent("anthropic.messages", "bedrock.converse", ANTHROPIC)
    assert body["system"] == [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}]
    thought = {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}
    assert body["messages"][1]["content"][:2] == [
        {"reasoningContent": thought},
        {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
    ]
    assert body["messages"][2]["content"][1]["toolResult"]["status"] == "error"


def test_responses_to_anthropic_keeps_thoughts() -> None:
    body = sent("openai.responses", "anthropic.messages", CONVERSATIONS["openai.responses"])
    assert [block["text"] for block in body["system"]] == ["Be brief.", "Use metric units."]
    assert [block["type"] for block in body["messages"][1]["content"]] == [
        "thinking",
        "text",
        "tool_use",
        "tool_use",
    ]
    assert body["messages"][1]["content"][0]["signature"] == "c2ln"
    assert [block["type"] for block in body["messages"][2]["content"]] == [
        "tool_result",
        "tool_result",
        "text",
    ]


def test_responses_to_chat() -> None:
    body = sent("openai.responses", "openai.chat", CONVERSATIONS["openai.responses"])
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["system", "system", "user", "assistant", "tool", "tool", "user"]
    assert body["messages"][3]["content"] == "I look."
    assert [call["id"] for call in body["messages"][3]["tool_calls"]] == ["call_1", "call_2"]
    assert "metadata" not in body
