"""Anthropic's request, read."""

from typing import cast

from tallygate.edge.dialects.anthropic.parse_blocks import parse_cache, parse_content
from tallygate.edge.dialects.anthropic.parse_tools import parse_tools
from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import (
    EFFORTS,
    Effort,
    JsonFormat,
    Reasoning,
    Request,
    Role,
    Text,
    Turn,
)

READ = frozenset(
    [
        "model",
        "messages",
        "max_tokens",
        "system",
        "stop_sequences",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "metadata",
        "stream",
        "service_tier",
        "cache_control",
        "speed",
    ]
)


def parse_request(body: Node, policy: Policy) -> Request:
    """Read a request.

    Raises:
        TranslationError: it is malformed, or asks for what no other provider has.
    """
    body.refuse_others(policy, READ)
    if (body.text("speed") or "standard") != "standard":
        policy.unsupported("speed", "only Anthropic has it")
    request = Request(
        turns=_parse_turns(body, policy),
        max_tokens=_parse_max_tokens(body),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=body.integer("top_k"),
        stop=body.texts("stop_sequences"),
        format=_parse_format(body),
        reasoning=_parse_reasoning(body),
        service_tier=body.text("service_tier"),
        user=_parse_user(body, policy),
        stream=bool(body.flag("stream")),
        cache_all=parse_cache(body) is not None,
        names={
            "stop": "stop_sequences",
            "parallel_tools": "tool_choice.disable_parallel_tool_use",
            "reasoning": "thinking",
            "format": "output_config.format",
            "user": "metadata.user_id",
        },
    )
    parse_tools(body, request, policy)
    return request


def _parse_max_tokens(body: Node) -> int:
    value = body.integer("max_tokens")
    if value is None:
        raise InvalidFieldError("max_tokens", "is required")
    if value < 1:
        raise InvalidFieldError("max_tokens", "must be at least 1")
    return value


def _parse_turns(body: Node, policy: Policy) -> list[Turn]:
    turns = [_system(body, "system", policy)] if body.has("system") else []
    nodes = body.nodes("messages")
    if not nodes:
        raise InvalidFieldError("messages", "must hold at least one message")
    for node in nodes:
        role = node.need_text("role")
        if role == "system":
            turns.append(_system(node, "content", policy))
        elif role in ("user", "assistant"):
            turns.append(Turn(cast("Role", role), parse_content(node, "content", policy)))
        else:
            raise InvalidFieldError(node.at("role"), f"{role!r} is no role")
    return turns


def _system(node: Node, key: str, policy: Policy) -> Turn:
    parts = parse_content(node, key, policy)
    for part in parts:
        if not isinstance(part, Text):
            raise InvalidFieldError(part.where, "a system prompt holds text only")
    return Turn("system", parts)


def _parse_format(body: Node) -> JsonFormat | None:
    config = body.node("output_config")
    wanted = config.node("format") if config else None
    if wanted is None:
        return None
    if wanted.need_text("type") != "json_schema":
        raise InvalidFieldError(wanted.at("type"), "must be json_schema")
    return JsonFormat(wanted.need_node("schema").value)


def _parse_reasoning(body: Node) -> Reasoning | None:
    config = body.node("output_config")
    effort = config.text("effort") if config else None
    if config is not None and effort is not None and effort not in EFFORTS:
        raise InvalidFieldError(config.at("effort"), f"{effort!r} is none of {', '.join(EFFORTS)}")
    known = cast("Effort | None", effort)
    thinking = body.node("thinking")
    if thinking is None:
        return Reasoning(known) if known else None
    summary = thinking.text("display") != "omitted"
    match thinking.need_text("type"):
        case "disabled":
            return Reasoning(off=True)
        case "enabled":
            budget = thinking.integer("budget_tokens")
            if budget is None:
                raise InvalidFieldError(thinking.at("budget_tokens"), "is required")
            return Reasoning(known, budget, summary=summary)
        case "adaptive" | "between_tools":
            return Reasoning(known, summary=summary)
        case kind:
            raise InvalidFieldError(thinking.at("type"), f"{kind!r} is no type of thinking")


def _parse_user(body: Node, policy: Policy) -> str | None:
    metadata = body.node("metadata")
    if metadata is None:
        return None
    metadata.refuse_others(policy, ("user_id",))
    return metadata.text("user_id")
