"""Anthropic's request, written for providers."""

from tallygate.edge.dialects.anthropic.json_output import JSON_TOOL, json_tool, output_format
from tallygate.edge.dialects.anthropic.models import default_max_tokens, needs_json_tool
from tallygate.edge.dialects.anthropic.render_parts import mark, render_parts
from tallygate.edge.dialects.anthropic.thinking import sampling_fields, thinking_fields, thinks
from tallygate.edge.dialects.common.base import ProviderRequest, Target, dump
from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.json_mode import instruction
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Request, Tool
from tallygate.edge.dialects.common.turns import alternating, system_texts
from tallygate.edge.dialects.common.unsupported import refuse

PATH = "/v1/messages"
HEADERS = {
    "content-type": "application/json",
    # The later version refuses sampling parameters even of models that know them.
    "anthropic-version": "2023-06-01",
}
REFUSED = {
    "seed": "Claude has no seed",
    "presence_penalty": "Claude has no penalties",
    "frequency_penalty": "Claude has no penalties",
    "verbosity": "Claude has no verbosity: say it in the prompt",
}
TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}


def render_request(request: Request, target: Target, policy: Policy) -> ProviderRequest:
    """Write a request."""
    refuse(request, policy, REFUSED)
    max_tokens = request.max_tokens or default_max_tokens(target.model)
    body: Json = {"model": target.model, "max_tokens": max_tokens}
    body |= _conversation(request, policy)
    body |= _thinking_and_format(request, target.model, max_tokens, policy)
    thinking = thinks(body)
    body |= sampling_fields(request, target.model, policy, thinking=thinking)
    body |= _tools(request, target.model, policy, thinking=thinking)
    body |= _rest(request, policy)
    return ProviderRequest(PATH, dump(body), dict(HEADERS), request.stream)


def _conversation(request: Request, policy: Policy) -> Json:
    body: Json = {
        "messages": [
            {"role": turn.role, "content": blocks}
            for turn in alternating(request)
            if (blocks := render_parts(turn.parts, policy))
        ]
    }
    system = render_parts(list(system_texts(request)), policy)
    if told := instruction(request):
        system.append({"type": "text", "text": told})
    return {"system": system} | body if system else body


def _thinking_and_format(request: Request, model: str, max_tokens: int, policy: Policy) -> Json:
    body = thinking_fields(request, model, max_tokens, policy)
    config: Json = {}
    if "effort" in body:
        config["effort"] = body.pop("effort")
    wanted = request.format
    if wanted is not None and wanted.schema is not None and not needs_json_tool(model, wanted):
        config["format"] = output_format(wanted)
    return body | {"output_config": config} if config else body


def _tools(request: Request, model: str, policy: Policy, *, thinking: bool) -> Json:
    tools = [_tool(tool) for tool in request.tools]
    choice = _choice(request)
    if request.format is not None and needs_json_tool(model, request.format):
        only = not tools or choice.get("type") == "none"
        tools = [*([] if only else tools), json_tool(request.format)]
        choice |= {"type": "tool", "name": JSON_TOOL} if only else {"type": "any"}
    if not tools:
        return {}
    if thinking and choice.get("type") in ("any", "tool"):
        field = "format" if request.format is not None else "tool_choice"
        policy.unsupported(request.named(field), "Claude cannot be forced to call a tool while it thinks")
        choice = {key: value for key, value in choice.items() if key != "name"} | {"type": "auto"}
    return {"tools": tools} | ({"tool_choice": choice} if choice else {})


def _choice(request: Request) -> Json:
    choice = request.tool_choice
    body: Json = {}
    if choice is not None and choice.mode == "named":
        body = {"type": "tool", "name": choice.name}
    elif choice is not None:
        body = {"type": "any" if choice.mode == "required" else choice.mode}
    if request.parallel_tools is False and body.get("type") != "none":
        body = {"type": "auto"} | body | {"disable_parallel_tool_use": True}
    return body


def _tool(tool: Tool) -> Json:
    schema = tool.schema if "type" in tool.schema else {"type": "object"} | tool.schema
    body: Json = {"name": tool.name, "input_schema": schema}
    if tool.description:
        body["description"] = tool.description
    if tool.strict:
        body["strict"] = True
    return body | mark(tool.cache)


def _rest(request: Request, policy: Policy) -> Json:
    body: Json = {}
    if request.stop:
        body["stop_sequences"] = _stops(request, policy)
    if request.service_tier is not None:
        body |= _tier(request, request.service_tier, policy)
    metadata = dict(request.metadata or {})
    user = metadata.pop("user_id", None) or request.user
    if metadata:
        policy.unsupported(request.named("metadata"), "Claude takes no metadata but user_id")
    if isinstance(user, str):
        body["metadata"] = {"user_id": user}
    return body | ({"stream": True} if request.stream else {})


def _stops(request: Request, policy: Policy) -> list[str]:
    kept = [stop for stop in request.stop if stop.strip()]
    if len(kept) < len(request.stop):
        policy.unsupported(request.named("stop"), "Claude takes no stop sequences of white space alone")
    return kept


def _tier(request: Request, tier: str, policy: Policy) -> Json:
    if tier not in TIERS:
        policy.unsupported(request.named("service_tier"), f"Claude has no service tier {tier!r}")
        return {}
    return {"service_tier": TIERS[tier]}
