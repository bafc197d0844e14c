"""Gemini's request, written."""

from urllib.parse import quote

from tallygate.edge.dialects.common.base import ProviderRequest, Target, dump
from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Request, Tool
from tallygate.edge.dialects.common.turns import system_texts
from tallygate.edge.dialects.common.unsupported import refuse
from tallygate.edge.dialects.google.models import needs_signatures, thinking_config
from tallygate.edge.dialects.google.render_parts import render_contents

MAX_STOPS = 5
REFUSED = {
    "verbosity": "Gemini has no verbosity: say it in the prompt",
    "metadata": "Gemini takes no metadata",
}
TIERS = {
    "flex": "flex",
    "priority": "priority",
    "auto": None,
    "default": "standard",
    "standard_only": "standard",
}


def render_request(request: Request, target: Target, policy: Policy) -> ProviderRequest:
    """Write a request. Prompt-cache marks are left out: Gemini caches prefixes by itself."""
    refuse(request, policy, REFUSED)
    body: Json = {"contents": render_contents(request, sign=needs_signatures(target.model))}
    system = [{"text": part.text} for part in system_texts(request)]
    if system:
        body["systemInstruction"] = {"parts": system}
    body |= _tools(request, policy)
    config = _config(request, policy) | thinking_config(request, target.model, policy)
    if config:
        body["generationConfig"] = config
    if request.service_tier is not None:
        body |= _tier(request, request.service_tier, policy)
    return ProviderRequest(
        _path(target.model, stream=request.stream),
        dump(body),
        {"content-type": "application/json"},
        request.stream,
    )


def _path(model: str, *, stream: bool) -> str:
    name = quote(model.removeprefix("models/"), safe="")
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{name}:{method}"


def _config(request: Request, policy: Policy) -> Json:
    fields: Json = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "seed": request.seed,
        "presencePenalty": request.presence_penalty,
        "frequencyPenalty": request.frequency_penalty,
        "stopSequences": _stops(request, policy) or None,
    }
    if request.format is not None:
        fields["responseMimeType"] = "application/json"
        fields["responseJsonSchema"] = request.format.schema
    return {key: value for key, value in fields.items() if value is not None}


def _stops(request: Request, policy: Policy) -> list[str]:
    if len(request.stop) > MAX_STOPS:
        policy.unsupported(request.named("stop"), f"Gemini takes at most {MAX_STOPS} stop sequences")
    return request.stop[:MAX_STOPS]


def _tools(request: Request, policy: Policy) -> Json:
    if not request.tools:
        return {}
    if request.parallel_tools is False:
        reason = "Gemini cannot be kept from calling several tools at once"
        policy.unsupported(request.named("parallel_tools"), reason)
    body: Json = {"tools": [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]}
    choice = request.tool_choice
    if choice is None:
        return body
    if choice.mode == "named":
        config: Json = {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    else:
        config = {"mode": {"required": "ANY", "none": "NONE", "auto": "AUTO"}[choice.mode]}
    return body | {"toolConfig": {"functionCallingConfig": config}}


def _declaration(tool: Tool) -> Json:
    body: Json = {"name": tool.name, "parametersJsonSchema": tool.schema}
    return body | ({"description": tool.description} if tool.description else {})


def _tier(request: Request, tier: str, policy: Policy) -> Json:
    if tier not in TIERS:
        policy.unsupported(request.named("service_tier"), f"Gemini has no service tier {tier!r}")
        return {}
    return {"serviceTier": TIERS[tier]} if TIERS[tier] else {}
