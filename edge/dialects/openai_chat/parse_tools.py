"""OpenAI's chat tools and tool choice, read."""

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import Request, Tool, ToolChoice
from tallygate.edge.dialects.common.tools import EMPTY_SCHEMA
from tallygate.edge.dialects.openai_chat.parse_parts import parse_cache


def parse_tools(body: Node, request: Request, policy: Policy) -> None:
    """Tools, which of them to call, and whether several at once."""
    request.parallel_tools = body.flag("parallel_tool_calls")
    for node in body.nodes("tools"):
        kind = node.need_text("type")
        if kind != "function":
            policy.unsupported(node.path, f"tools of type {kind!r} cannot be translated")
            continue
        request.tools.append(parse_function(node.need_node("function"), node, policy))
    _parse_choice(body, request, policy)


def parse_function(function: Node, outer: Node, policy: Policy) -> Tool:
    """A function's definition; chat wraps it in `outer`, Responses does not."""
    function.refuse_others(policy, ("name", "description", "parameters", "strict", "type", "cache_control"))
    schema = function.node("parameters")
    return Tool(
        function.need_text("name"),
        function.text("description"),
        schema.value if schema and schema.value else EMPTY_SCHEMA,
        outer.path,
        function.flag("strict"),
        parse_cache(outer) or parse_cache(function),
    )


def _parse_choice(body: Node, request: Request, policy: Policy) -> None:
    choice = body.raw("tool_choice")
    if choice is None:
        return
    if isinstance(choice, str):
        request.tool_choice = parse_mode(choice, body.at("tool_choice"))
        return
    node = body.need_node("tool_choice")
    kind = node.need_text("type")
    if kind == "function":
        request.tool_choice = ToolChoice("named", node.need_node("function").need_text("name"))
    elif kind == "allowed_tools":
        allowed = node.need_node("allowed_tools")
        names = [tool.need_node("function").need_text("name") for tool in allowed.nodes("tools")]
        allow(request, names, allowed)
    else:
        policy.unsupported(node.path, f"a tool choice of type {kind!r} cannot be translated")


def parse_mode(choice: str, where: str) -> ToolChoice:
    """A tool choice given as a word."""
    if choice == "auto":
        return ToolChoice("auto")
    if choice == "none":
        return ToolChoice("none")
    if choice == "required":
        return ToolChoice("required")
    raise InvalidFieldError(where, f"{choice!r} is none of auto, none, required")


def allow(request: Request, names: list[str], allowed: Node) -> None:
    """Limit the tools to some of them: the others are not even shown to the model."""
    request.tool_choice = parse_mode(allowed.need_text("mode"), allowed.at("mode"))
    request.tools = [tool for tool in request.tools if tool.name in names]
