"""Bodies of every dialect as conversations: the page's own modules, run in Chromium."""

import json
from typing import Any

from playwright.sync_api import Page

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CHAT = (
    {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": '{"at":1}'}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "a dot"},
        ]
    },
    {"choices": [{"message": {"role": "assistant", "reasoning_content": "Hm.", "content": "A dot."}}]},
)
RESPONSES = (
    {
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
    },
    {
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at":1}'},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        ]
    },
)
ANTHROPIC = (
    {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "a dot"}]},
        ],
    },
    {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "Hm."},
            {"type": "tool_use", "id": "t2", "name": "look", "input": {"at": 1}},
            {"type": "text", "text": "Hello"},
        ],
    },
)
GEMINI = (
    {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}],
            },
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "look", "response": {"seen": "a dot"}}}],
            },
        ],
    },
    {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"functionCall": {"name": "look", "args": {"at": 1}}},
                        {"text": "Hello"},
                    ],
                }
            }
        ]
    },
)
EMBEDDINGS = ({"input": ["one", "two"]}, {"data": [{"embedding": [0.1, 0.2]}, {"embedding": [0.3, 0.4]}]})
FAILED = ({"input": "one"}, {"error": {"message": "No such model"}})
ABROAD: tuple[Any, Any] = (
    {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}
        ]
    },
    {},
)

CASES = {
    "chat": (
        CHAT,
        ["system text", "user text image", "assistant call", "tool result", "assistant thinking text"],
    ),
    "responses": (
        RESPONSES,
        ["system text", "user text", "assistant thinking", "assistant call", "assistant text"],
    ),
    "anthropic": (ANTHROPIC, ["system text", "user text", "user result", "assistant thinking call text"]),
    "gemini": (GEMINI, ["system text", "user text image", "user result", "assistant thinking call text"]),
    "embeddings": (EMBEDDINGS, ["input text", "input text", "assistant text"]),
    "failed": (FAILED, ["user text", "error text"]),
    "a picture elsewhere is not fetched": (ABROAD, ["user file"]),
}
SHAPES = """async ([prompt, response]) => {
  const { conversation } = await import("/assets/render/messages.js");
  const talk = conversation(prompt, response);
  return talk && talk.messages.map(({ role, parts }) => [role, ...parts.map(({ kind }) => kind)].join(" "));
}"""


RAW = ("", "no JSON", "[]", "null", "3", '{"messages": "odd"}', '{"audio": 1}')
TREE = """async () => {
  const { treeOf } = await import("/assets/lib/steps.js");
  const call = (path, cost, outcome = "ok") => ({ session_path: path, cost_nanos: cost, outcome,
    priced: cost !== null, input_tokens: 1, output_tokens: 2, latency_ms: 5 });
  const root = treeOf([call("", 1), call("/a", 2), call("/a/b", 3, "timeout"), call("/c", null)]);
  const told = ({ name, requests, cost, errors, unpriced, tokens, steps }) =>
    [name, requests, cost, errors, unpriced, tokens, steps.map(told)];
  return told(root);
}"""


def shapes(page: Page, prompt: str, response: str) -> Any:
    return page.evaluate(SHAPES, [prompt, response])


def test_every_dialect_becomes_a_conversation(page: Page) -> None:
    page.goto("/settings")
    for name, ((asked, answered), expected) in CASES.items():
        assert shapes(page, json.dumps(asked), json.dumps(answered)) == expected, name


def test_what_is_no_conversation_is_shown_raw(page: Page) -> None:
    page.goto("/settings")
    for text in RAW:
        assert shapes(page, text, text) is None, text


def test_a_path_becomes_a_tree_whose_steps_sum_up(page: Page) -> None:
    page.goto("/settings")
    leaf = ["b", 1, 3, 1, 0, 3, []]
    expected = ["", 4, 6, 1, 1, 12, [["a", 2, 5, 1, 0, 6, [leaf]], ["c", 1, 0, 0, 1, 3, []]]]
    assert page.evaluate(TREE) == expected
