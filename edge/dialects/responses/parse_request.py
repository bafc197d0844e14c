"""OpenAI's Responses request, read."""

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import JsonFormat, Reasoning, Request, Text, ToolChoice, Turn
from tallygate.edge.dialects.openai_chat.parse_request import HINTS, parse_effort, parse_schema
from tallygate.edge.dialects.openai_chat.parse_tools import allow, parse_function, parse_mode
from tallygate.edge.dialects.responses.parse_input import parse_input

READ = frozenset(
    [
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "text",
        "reasoning",
        "metadata",
        "stream",
        "stream_options",
        "store",
        "user",
        "safety_identifier",
        "service_tier",
        "include",
        "truncation",
        "top_logprobs",
        "background",
    ]
)
"""`metadata` is only shown again in the answer."""

UNTRANSLATABLE = {
    "store": (False, "the gateway stores no responses: send the whole conversation as input"),
    "background": (False, "the gateway does not answer in the background"),
    "truncation": ("disabled", "the gateway does not shorten conversations"),
    "top_logprobs": (0, "token probabilities cannot be translated"),
}
"""Fields that chat completions do not have, with the value that asks for nothing."""

INCLUDABLE = frozenset({"reasoning.encrypted_content"})


def parse_request(body: Node, policy: Policy) -> Request:
    """Read a request.

    Raises:
        TranslationError: it is malformed, or asks for what only OpenAI's own Responses have.
    """
    body.refuse_others(policy, READ | HINTS)
    for key, (neutral, reason) in UNTRANSLATABLE.items():
        if body.has(key) and body.raw(key) != neutral:
            policy.unsupported(key, reason)
    for index, item in enumerate(body.texts("include")):
        if item not in INCLUDABLE:
            policy.unsupported(f"include[{index}]", f"{item!r} cannot be translated")
    request = Request(
        turns=_turns(body, policy),
        max_tokens=_max_tokens(body),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        reasoning=_parse_reasoning(body, policy),
        service_tier=body.text("service_tier"),
        user=body.text("safety_identifier") or body.text("user"),
        stream=bool(body.flag("stream")),
        names={
            "turns": "input",
            "max_tokens": "max_output_tokens",
            "parallel_tools": "parallel_tool_calls",
            "format": "text.format",
            "verbosity": "text.verbosity",
        },
    )
    _parse_text(body, request)
    _parse_tools(body, request, policy)
    return request


def _turns(body: Node, policy: Policy) -> list[Turn]:
    turns = parse_input(body, policy)
    instructions = body.text("instructions")
    return [Turn("system", [Text(instructions, "instructions")]), *turns] if instructions else turns


def _max_tokens(body: Node) -> int | None:
    value = body.integer("max_output_tokens")
    if value is not None and value < 1:
        raise InvalidFieldError("max_output_tokens", "must be at least 1")
    return value


def _parse_reasoning(body: Node, policy: Policy) -> Reasoning | None:
    node = body.node("reasoning")
    if node is None:
        return None
    node.refuse_others(policy, ("effort", "summary", "generate_summary"))
    effort = parse_effort(node, "effort")
    summary = node.has("summary") or node.has("generate_summary")
    return Reasoning(effort, summary=summary) if effort or summary else None


def _parse_text(body: Node, request: Request) -> None:
    text = body.node("text")
    if text is None:
        return
    request.verbosity = text.text("verbosity")
    wanted = text.node("format")
    kind = wanted.need_text("type") if wanted else "text"
    if wanted is None or kind == "text":
        return
    if kind not in ("json_object", "json_schema"):
        raise InvalidFieldError(wanted.at("type"), f"{kind!r} is none of text, json_object, json_schema")
    request.format = JsonFormat() if kind == "json_object" else parse_schema(wanted)


def _parse_tools(body: Node, request: Request, policy: Policy) -> None:
    request.parallel_tools = body.flag("parallel_tool_calls")
    for node in body.nodes("tools"):
        kind = node.need_text("type")
        if kind != "function":
            policy.unsupported(node.path, f"the tool {kind!r} runs at OpenAI only")
        else:
            request.tools.append(parse_function(node, node, policy))
    choice = body.raw("tool_choice")
    if isinstance(choice, str):
        request.tool_choice = parse_mode(choice, "tool_choice")
    elif choice is not None:
        _parse_choice(body.need_node("tool_choice"), request, policy)


def _parse_choice(node: Node, request: Request, policy: Policy) -> None:
    kind = node.need_text("type")
    if kind == "function":
        request.tool_choice = ToolChoice("named", node.need_text("name"))
    elif kind == "allowed_tools":
        allow(request, [tool.need_text("name") for tool in node.nodes("tools")], node)
    else:
        policy.unsupported(node.path, f"a tool choice of type {kind!r} cannot be translated")
