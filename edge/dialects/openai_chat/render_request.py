"""OpenAI's chat request, written for providers."""

import hashlib
from typing import Any

from tallygate.edge.dialects.common.base import ProviderRequest, Target, dump
from tallygate.edge.dialects.common.effort import effort_of, is_off
from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import JsonFormat, Request, Tool
from tallygate.edge.dialects.common.unsupported import refuse
from tallygate.edge.dialects.openai_chat import variants
from tallygate.edge.dialects.openai_chat.render_turns import TurnWriter

PATH = "/chat/completions"
TIERS = {"standard_only": "default", "auto": "auto"}
"""Anthropic's service tiers, as OpenAI says them."""


def render_request(request: Request, target: Target, policy: Policy) -> ProviderRequest:
    """Write a request. Streams are asked to report usage: accounting and the caller need it."""
    _refuse(request, target, policy)
    writer = TurnWriter(policy, breakpoints=variants.takes_breakpoints(target.provider, target.model))
    body: Json = {
        "model": target.model,
        "messages": [message for turn in request.turns for message in writer.write(turn)],
    }
    body |= _sampling(request, target) | _tools(request) | _shape(request)
    if request.stream:
        options: Json = {"stream_options": {"include_usage": True}} if target.stream_usage else {}
        body |= {"stream": True} | options
    return ProviderRequest(PATH, dump(body), {"content-type": "application/json"}, request.stream)


def _refuse(request: Request, target: Target, policy: Policy) -> None:
    if target.provider not in variants.TOP_K:
        refuse(request, policy, {"top_k": "OpenAI's chat completions have no top_k"})
    if target.provider not in variants.VERBOSITY:
        refuse(request, policy, {"verbosity": f"{target.provider} has no verbosity"})
    most = variants.MAX_STOPS.get(target.provider)
    if most is not None and len(request.stop) > most:
        policy.unsupported(request.named("stop"), f"at most {most} stop sequences")
        request.stop = request.stop[:most]


def _sampling(request: Request, target: Target) -> Json:
    new = target.provider in variants.NEW_MAX_TOKENS
    fields: Json = {
        "max_completion_tokens" if new else "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "stop": request.stop or None,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "verbosity": request.verbosity,
        "service_tier": TIERS.get(request.service_tier or "", request.service_tier),
        "user": _user(request.user),
    }
    return {key: value for key, value in fields.items() if value is not None}


def _user(user: str | None) -> str | None:
    if user is None or len(user) <= variants.MAX_USER:
        return user
    return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()


def _shape(request: Request) -> Json:
    body: Json = {}
    if request.format is not None:
        body["response_format"] = _format(request.format)
    # Without an effort the model's own default holds; `none` would be refused by most models.
    effort = effort_of(request.reasoning) if request.reasoning and not is_off(request.reasoning) else None
    return body | {"reasoning_effort": effort} if effort else body


def _format(wanted: JsonFormat) -> Json:
    if wanted.schema is None:
        return {"type": "json_object"}
    strict = is_strict(wanted.schema) if wanted.strict is None else wanted.strict
    schema: Json = {"name": wanted.name, "schema": wanted.schema, "strict": strict}
    if wanted.description:
        schema["description"] = wanted.description
    return {"type": "json_schema", "json_schema": schema}


def is_strict(schema: Any) -> bool:
    """Whether a schema meets what OpenAI's strict mode demands: closed objects, all properties required."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" and (
        schema.get("additionalProperties") is not False
        or not isinstance(properties, dict)
        or set(schema.get("required") or ()) != set(properties)
    ):
        return False
    return all(is_strict(value) for value in schema.values())


def _tools(request: Request) -> Json:
    if not request.tools:
        return {}
    body: Json = {"tools": [_tool(tool) for tool in request.tools]}
    choice = request.tool_choice
    if choice is not None:
        named = {"type": "function", "function": {"name": choice.name}}
        body["tool_choice"] = named if choice.mode == "named" else choice.mode
    if request.parallel_tools is not None:
        body["parallel_tool_calls"] = request.parallel_tools
    return body


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}
