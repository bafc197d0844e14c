"""Anthropic's tools and tool choice, read."""

from tallygate.edge.dialects.anthropic.parse_blocks import parse_cache
from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import Request, Tool, ToolChoice

_READ = ("type", "name", "description", "input_schema", "strict", "cache_control")
_HINTS = ("eager_input_streaming",)
"""How arguments are streamed."""


def parse_tools(body: Node, request: Request, policy: Policy) -> None:
    """Tools, which of them to call, and whether several at once."""
    for node in body.nodes("tools"):
        kind = node.text("type") or "custom"
        if kind != "custom":
            policy.unsupported(node.path, f"the tool {kind!r} runs at Anthropic only")
        else:
            request.tools.append(_parse_tool(node, policy))
    _parse_choice(body, request)


def _parse_tool(node: Node, policy: Policy) -> Tool:
    neutral = (
        *(("defer_loading",) if node.raw("defer_loading") is False else ()),
        *(("allowed_callers",) if node.raw("allowed_callers") == ["direct"] else ()),
    )
    node.refuse_others(policy, (*_READ, *_HINTS, *neutral))
    return Tool(
        node.need_text("name"),
        node.text("description"),
        node.need_node("input_schema").value,
        node.path,
        node.flag("strict"),
        parse_cache(node),
    )


def _parse_choice(body: Node, request: Request) -> None:
    choice = body.node("tool_choice")
    if choice is None:
        return
    match choice.need_text("type"):
        case "auto":
            request.tool_choice = ToolChoice("auto")
        case "any":
            request.tool_choice = ToolChoice("required")
        case "none":
            request.tool_choice = ToolChoice("none")
        case "tool":
            request.tool_choice = ToolChoice("named", choice.need_text("name"))
        case kind:
            raise InvalidFieldError(choice.at("type"), f"{kind!r} is none of auto, any, tool, none")
    disabled = choice.flag("disable_parallel_tool_use")
    request.parallel_tools = None if disabled is None else not disabled
