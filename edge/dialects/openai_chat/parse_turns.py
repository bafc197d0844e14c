"""OpenAI's chat messages, read."""

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import Document, Image, Part, Text, ToolCall, ToolResult, Turn
from tallygate.edge.dialects.openai_chat.parse_parts import (
    mark_last,
    parse_cache,
    parse_content,
    parse_thoughts,
)

_COMMON = ("role", "content", "cache_control", "name")
_ASSISTANT = (
    *_COMMON,
    "tool_calls",
    "refusal",
    "thinking_blocks",
    # Parts of earlier answers that SDKs send back; they say nothing that the rest does not.
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "annotations",
)


def parse_turns(body: Node, policy: Policy) -> list[Turn]:
    """All messages."""
    nodes = body.nodes("messages")
    if not nodes:
        raise InvalidFieldError(body.at("messages"), "must hold at least one message")
    return [turn for node in nodes if (turn := _parse_message(node, policy)) is not None]


def _parse_message(node: Node, policy: Policy) -> Turn | None:
    role = node.need_text("role")
    if role in ("system", "developer"):
        _refuse_name(node, policy)
        return _system(node, policy)
    if role == "user":
        _refuse_name(node, policy)
        node.refuse_others(policy, _COMMON)
        return Turn("user", mark_last(parse_content(node, policy), parse_cache(node)))
    if role == "assistant":
        _refuse_name(node, policy)
        return _assistant(node, policy)
    if role == "tool":
        return _tool(node, policy)
    if role == "function":
        policy.unsupported(node.path, "role 'function' is not translated: use role 'tool'")
        return None
    raise InvalidFieldError(node.at("role"), f"{role!r} is no role")


def _refuse_name(node: Node, policy: Policy) -> None:
    if node.has("name"):
        policy.unsupported(node.at("name"), "names of participants have no equivalent")


def _system(node: Node, policy: Policy) -> Turn:
    node.refuse_others(policy, _COMMON)
    parts = mark_last(parse_content(node, policy), parse_cache(node))
    for part in parts:
        if not isinstance(part, Text):
            raise InvalidFieldError(part.where, "a system message holds text only")
    return Turn("system", parts)


def _assistant(node: Node, policy: Policy) -> Turn:
    node.refuse_others(policy, _ASSISTANT)
    parts = parse_thoughts(node) + parse_content(node, policy)
    refusal = node.text("refusal")
    if refusal:
        parts.append(Text(refusal, node.at("refusal")))
    for call in node.nodes("tool_calls"):
        parts.extend(_tool_call(call, policy))
    return Turn("assistant", mark_last(parts, parse_cache(node)))


def _tool_call(node: Node, policy: Policy) -> list[Part]:
    kind = node.text("type") or "function"
    if kind != "function":
        policy.unsupported(node.path, f"tool calls of type {kind!r} cannot be translated")
        return []
    function = node.need_node("function")
    return [
        ToolCall(
            node.need_text("id"),
            function.need_text("name"),
            function.text("arguments") or "",
            function.at("arguments"),
            signature=_signature(node),
        )
    ]


def _signature(node: Node) -> str | None:
    """Google's thought signature, where Google's own OpenAI-compatible endpoint puts it."""
    extra = node.node("extra_content")
    google = extra.node("google") if extra else None
    return google.text("thought_signature") if google else None


def _tool(node: Node, policy: Policy) -> Turn:
    node.refuse_others(policy, (*_COMMON, "tool_call_id"))
    parts: list[Text | Image | Document] = []
    for part in parse_content(node, policy):
        if not isinstance(part, Text | Image | Document):
            raise InvalidFieldError(part.where, "a tool's result holds text, images or files")
        parts.append(part)
    call_id = node.need_text("tool_call_id")
    return Turn("user", [ToolResult(call_id, tuple(parts), node.path, parse_cache(node))])
