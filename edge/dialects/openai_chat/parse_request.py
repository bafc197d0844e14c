"""OpenAI's chat request, read.

Every field of the API is either read, or refused by name, or one of HINTS.
"""

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import EFFORTS, Effort, JsonFormat, Reasoning, Request
from tallygate.edge.dialects.openai_chat.parse_tools import parse_tools
from tallygate.edge.dialects.openai_chat.parse_turns import parse_turns

HINTS = frozenset({"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"})
"""How OpenAI is to arrange its cache: the answer does not depend on it, other providers need no such hint."""

READ = frozenset(
    [
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "response_format",
        "reasoning_effort",
        "verbosity",
        "service_tier",
        "user",
        "safety_identifier",
        "metadata",
        "stream",
        "stream_options",
        "n",
        "logprobs",
        "store",
        "modalities",
        "logit_bias",
    ]
)

UNTRANSLATABLE = {
    "logprobs": (False, "token probabilities cannot be translated"),
    "logit_bias": ({}, "token ids differ between models"),
    "store": (False, "only OpenAI stores completions"),
    "modalities": (["text"], "only text answers can be translated"),
}
"""Fields that no other dialect has, with the value that asks for nothing."""


def parse_request(body: Node, policy: Policy) -> Request:
    """Read a request.

    Raises:
        TranslationError: it is malformed, or asks for what no other provider has.
    """
    body.refuse_others(policy, READ | HINTS)
    _refuse_untranslatable(body, policy)
    request = Request(
        turns=parse_turns(body, policy),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=body.integer("top_k"),
        stop=body.texts("stop"),
        seed=body.integer("seed"),
        presence_penalty=body.number("presence_penalty"),
        frequency_penalty=body.number("frequency_penalty"),
        format=_parse_format(body),
        reasoning=_parse_effort(body),
        verbosity=body.text("verbosity"),
        service_tier=body.text("service_tier"),
        user=body.text("safety_identifier") or body.text("user"),
        metadata=(body.node("metadata") or Node({})).value or None,
        stream=bool(body.flag("stream")),
    )
    _parse_max_tokens(body, request)
    parse_tools(body, request, policy)
    request.names |= {
        "parallel_tools": "parallel_tool_calls",
        "reasoning": "reasoning_effort",
        "format": "response_format",
    }
    return request


def _refuse_untranslatable(body: Node, policy: Policy) -> None:
    for key, (neutral, reason) in UNTRANSLATABLE.items():
        if body.has(key) and body.raw(key) != neutral:
            policy.unsupported(key, reason)
    if (body.integer("n") or 1) != 1:
        policy.unsupported("n", "only one choice can be translated")


def _parse_max_tokens(body: Node, request: Request) -> None:
    for key in ("max_completion_tokens", "max_tokens"):
        value = body.integer(key)
        if value is not None and value < 1:
            raise InvalidFieldError(key, "must be at least 1")
        if value is not None and request.max_tokens is None:
            request.max_tokens = value
            request.names["max_tokens"] = key


def _parse_format(body: Node) -> JsonFormat | None:
    node = body.node("response_format")
    if node is None:
        return None
    kind = node.need_text("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return JsonFormat()
    if kind != "json_schema":
        raise InvalidFieldError(node.at("type"), f"{kind!r} is none of text, json_object, json_schema")
    return parse_schema(node.need_node("json_schema"))


def parse_schema(node: Node) -> JsonFormat:
    """A named JSON schema, as chat and Responses write it."""
    return JsonFormat(
        node.need_node("schema").value,
        node.text("name") or "answer",
        node.text("description"),
        node.flag("strict"),
    )


def _parse_effort(body: Node) -> Reasoning | None:
    effort = parse_effort(body, "reasoning_effort")
    return Reasoning(effort) if effort else None


def parse_effort(node: Node, key: str) -> Effort | None:
    """A reasoning effort as a word."""
    effort = node.text(key)
    if effort is not None and effort not in EFFORTS:
        raise InvalidFieldError(node.at(key), f"{effort!r} is none of {', '.join(EFFORTS)}")
    return effort
