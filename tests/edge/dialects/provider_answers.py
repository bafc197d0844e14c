"""What providers answer, whole and streamed, in their own dialects: each the same conversation."""

from typing import Any

from tests.edge.dialects.support import frames, sse

Json = dict[str, Any]

ANTHROPIC_MESSAGE: Json = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [
        {"type": "thinking", "thinking": "The user wants weather.", "signature": "EqQBCgIYAhIM"},
        {"type": "text", "text": "Let me look ☀️."},
        {"type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": {"city": "Köln"}},
        {"type": "tool_use", "id": "toolu_01B", "name": "get_weather", "input": {"city": "Bonn"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 300,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 12},
        "service_tier": "standard",
    },
}


def _delta(index: int, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _block(index: int, block: Json) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def _stop(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


_START = {
    "type": "message_start",
    "message": ANTHROPIC_MESSAGE
    | {"content": [], "stop_reason": None, "usage": ANTHROPIC_MESSAGE["usage"] | {"output_tokens": 1}},
}

ANTHROPIC_STREAM = sse(
    _START,
    _block(0, {"type": "thinking", "thinking": "", "signature": ""}),
    _delta(0, {"type": "thinking_delta", "thinking": "The user wants"}),
    _delta(0, {"type": "thinking_delta", "thinking": " weather."}),
    _delta(0, {"type": "signature_delta", "signature": "EqQBCgIYAhIM"}),
    _stop(0),
    {"type": "ping"},
    _block(1, {"type": "text", "text": ""}),
    _delta(1, {"type": "text_delta", "text": "Let me"}),
    _delta(1, {"type": "text_delta", "text": " look ☀️."}),
    _stop(1),
    _block(2, {"type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": {}}),
    _delta(2, {"type": "input_json_delta", "partial_json": ""}),
    _delta(2, {"type": "input_json_delta", "partial_json": '{"city": '}),
    _delta(2, {"type": "input_json_delta", "partial_json": '"Köln"}'}),
    _stop(2),
    _block(3, {"type": "tool_use", "id": "toolu_01B", "name": "get_weather", "input": {}}),
    _delta(3, {"type": "input_json_delta", "partial_json": '{"city": "Bonn"}'}),
    _stop(3),
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 50},
    },
    {"type": "message_stop"},
    named=True,
)

OPENAI_COMPLETION: Json = {
    "id": "chatcmpl-B9MBs8",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-4o-2024-08-06",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Let me look ☀️.",
                "refusal": None,
                "annotations": [],
                "tool_calls": [
                    {
                        "id": "call_A",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Köln"}'},
                    },
                    {
                        "id": "call_B",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Bonn"}'},
                    },
                ],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 420,
        "completion_tokens": 50,
        "total_tokens": 470,
        "prompt_tokens_details": {"cached_tokens": 300, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 12},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}


def _chunk(delta: Json, finish: str | None = None) -> Json:
    return {
        "id": "chatcmpl-B9MBs8",
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        "usage": None,
    }


def _tool(index: int, arguments: str, **first: Any) -> Json:
    name = first.pop("name", None)
    function: Json = ({"name": name} if name else {}) | {"arguments": arguments}
    return _chunk({"tool_calls": [{"index": index, **first, "function": function}]})


OPENAI_STREAM = sse(
    _chunk({"role": "assistant", "content": "", "refusal": None}),
    _chunk({"content": "Let me"}),
    _chunk({"content": " look ☀️."}),
    _tool(0, "", id="call_A", type="function", name="get_weather"),
    _tool(0, '{"city":'),
    _tool(0, '"Köln"}'),
    _tool(1, "", id="call_B", type="function", name="get_weather"),
    _tool(1, '{"city":"Bonn"}'),
    _chunk({}, "tool_calls"),
    _chunk({}) | {"choices": [], "usage": OPENAI_COMPLETION["usage"]},
    done=True,
)

GEMINI_ANSWER: Json = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "The user wants weather.", "thought": True},
                    {"text": "Let me look ☀️."},
                    {
                        "functionCall": {"name": "get_weather", "args": {"city": "Köln"}},
                        "thoughtSignature": "Q29udGV4dA==",
                    },
                    {"functionCall": {"name": "get_weather", "args": {"city": "Bonn"}}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 420,
        "candidatesTokenCount": 38,
        "thoughtsTokenCount": 12,
        "totalTokenCount": 470,
        "cachedContentTokenCount": 300,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 420}],
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "resp-gem-1",
}


def _piece(*parts: Json, finish: str | None = None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = GEMINI_ANSWER["usageMetadata"] if finish else {"promptTokenCount": 420, "totalTokenCount": 420}
    return GEMINI_ANSWER | {"candidates": [candidate], "usageMetadata": usage}


_GEMINI_PARTS = GEMINI_ANSWER["candidates"][0]["content"]["parts"]
GEMINI_STREAM = sse(
    _piece({"text": "The user wants", "thought": True}),
    _piece({"text": " weather.", "thought": True}, {"text": "Let me"}),
    _piece({"text": " look ☀️."}),
    _piece(_GEMINI_PARTS[2]),
    _piece(_GEMINI_PARTS[3], finish="STOP"),
).replace(b"\n", b"\r\n")

BEDROCK_ANSWER: Json = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {
                    "reasoningContent": {
                        "reasoningText": {"text": "The user wants weather.", "signature": "EqQBCgIYAhIM"}
                    }
                },
                {"text": "Let me look ☀️."},
                {"toolUse": {"toolUseId": "tooluse_A", "name": "get_weather", "input": {"city": "Köln"}}},
                {"toolUse": {"toolUseId": "tooluse_B", "name": "get_weather", "input": {"city": "Bonn"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 100,
        "outputTokens": 50,
        "totalTokens": 470,
        "cacheReadInputTokens": 300,
        "cacheWriteInputTokens": 20,
    },
    "metrics": {"latencyMs": 900},
}


def _grow(index: int, delta: Json) -> tuple[str, Json]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abc"}


def _close(index: int) -> tuple[str, Json]:
    return "contentBlockStop", {"contentBlockIndex": index, "p": "ab"}


def _open(index: int, use_id: str) -> tuple[str, Json]:
    start = {"toolUse": {"toolUseId": use_id, "name": "get_weather"}}
    return "contentBlockStart", {"contentBlockIndex": index, "start": start}


BEDROCK_STREAM = frames(
    ("messageStart", {"role": "assistant"}),
    _grow(0, {"reasoningContent": {"text": "The user wants"}}),
    _grow(0, {"reasoningContent": {"text": " weather."}}),
    _grow(0, {"reasoningContent": {"signature": "EqQBCgIYAhIM"}}),
    _close(0),
    _grow(1, {"text": "Let me"}),
    _grow(1, {"text": " look ☀️."}),
    _close(1),
    _open(2, "tooluse_A"),
    _grow(2, {"toolUse": {"input": '{"city":'}}),
    _grow(2, {"toolUse": {"input": '"Köln"}'}}),
    _close(2),
    _open(3, "tooluse_B"),
    _grow(3, {"toolUse": {"input": '{"city":"Bonn"}'}}),
    _close(3),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": BEDROCK_ANSWER["usage"], "metrics": {"latencyMs": 900}}),
)

ANSWERS: dict[str, tuple[Json, bytes]] = {
    "openai.chat": (OPENAI_COMPLETION, OPENAI_STREAM),
    "anthropic.messages": (ANTHROPIC_MESSAGE, ANTHROPIC_STREAM),
    "google.generate": (GEMINI_ANSWER, GEMINI_STREAM),
    "bedrock.converse": (BEDROCK_ANSWER, BEDROCK_STREAM),
}
ERRORS: dict[str, Json] = {
    "openai.chat": {
        "error": {"message": "Slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    },
    "anthropic.messages": {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}},
    "google.generate": {"error": {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}},
    "bedrock.converse": {"message": "Slow down"},
}
BROKEN_STREAMS: dict[str, bytes] = {
    "openai.chat": sse(_chunk({"content": "Le"}), ERRORS["openai.chat"]),
    "anthropic.messages": sse(_START, ERRORS["anthropic.messages"], named=True),
    "google.generate": sse(_piece({"text": "Le"}), ERRORS["google.generate"]),
    "bedrock.converse": frames(("messageStart", {"role": "assistant"}), _grow(0, {"text": "Le"})),
}
"""Streams that fail in the middle; Bedrock's just ends."""
