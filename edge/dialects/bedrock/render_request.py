"""Bedrock's Converse request, written."""

from typing import Any
from urllib.parse import quote

from tallygate.edge.dialects.anthropic.models import is_claude
from tallygate.edge.dialects.anthropic.thinking import sampling_fields, thinks
from tallygate.edge.dialects.bedrock.reasoning import reasoning_fields
from tallygate.edge.dialects.bedrock.render_parts import PartWriter, cache_point
from tallygate.edge.dialects.common.base import ProviderRequest, Target, dump
from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.json_mode import instruction
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Cache, JsonFormat, Request, Tool, ToolCall, ToolResult
from tallygate.edge.dialects.common.tools import sealed
from tallygate.edge.dialects.common.turns import alternating, system_texts
from tallygate.edge.dialects.common.unsupported import refuse

REFUSED = {
    "seed": "Bedrock's Converse has no seed",
    "presence_penalty": "Bedrock's Converse has no penalties",
    "frequency_penalty": "Bedrock's Converse has no penalties",
    "verbosity": "Bedrock's Converse has no verbosity: say it in the prompt",
}
TIERS = {"default": "default", "standard_only": "default", "flex": "flex", "priority": "priority", "auto": ""}


def render_request(request: Request, target: Target, policy: Policy) -> ProviderRequest:
    """Write a request."""
    refuse(request, policy, REFUSED)
    writer = PartWriter(policy)
    body: Json = {"messages": _messages(request, writer)}
    system = writer.write(list(system_texts(request)))
    if told := instruction(request):
        system.append({"text": told})
    if system:
        body["system"] = system
    reasoning = reasoning_fields(request, target.model, policy)
    body |= _tools(request, policy)
    body |= _output(request, reasoning.pop("effort", None))
    body |= _sampling(request, target.model, reasoning, policy)
    body |= _rest(request, policy)
    verb = "converse-stream" if request.stream else "converse"
    path = f"/model/{quote(target.model, safe='')}/{verb}"
    return ProviderRequest(path, dump(body), {"content-type": "application/json"}, request.stream)


def _messages(request: Request, writer: PartWriter) -> list[Json]:
    turns = alternating(request)
    messages: list[Json] = [
        {"role": turn.role, "content": blocks} for turn in turns if (blocks := writer.write(turn.parts))
    ]
    if request.cache_all and messages and "cachePoint" not in messages[-1]["content"][-1]:
        messages[-1]["content"].append(cache_point(Cache()))
    return messages


def _sampling(request: Request, model: str, extra: Json, policy: Policy) -> Json:
    """`inferenceConfig`, and what only some models take as additional fields."""
    if is_claude(model):
        thinking = thinks(extra.get("additionalModelRequestFields", {}))
        fields = sampling_fields(request, model, policy, thinking=thinking)
    else:
        fields = _plain_sampling(request, model, policy)
    config: Json = {
        "maxTokens": request.max_tokens,
        "temperature": fields.get("temperature"),
        "topP": fields.get("top_p"),
        "stopSequences": request.stop or None,
    }
    if "top_k" in fields:
        more = extra.get("additionalModelRequestFields", {}) | {"top_k": fields["top_k"]}
        extra = extra | {"additionalModelRequestFields": more}
    config = {key: value for key, value in config.items() if value is not None}
    return extra | ({"inferenceConfig": config} if config else {})


def _plain_sampling(request: Request, model: str, policy: Policy) -> Json:
    refuse(request, policy, {"top_k": f"Bedrock's Converse has no top_k for {model}"})
    if request.temperature is not None and not 0 <= request.temperature <= 1:
        policy.unsupported(request.named("temperature"), "Bedrock's temperature goes from 0 to 1")
        request.temperature = None
    return {
        key: value
        for key, value in {"temperature": request.temperature, "top_p": request.top_p}.items()
        if value is not None
    }


def _tools(request: Request, policy: Policy) -> Json:
    if not request.tools:
        return {}
    if request.parallel_tools is False:
        reason = "Bedrock's Converse cannot keep a model from calling several tools at once"
        policy.unsupported(request.named("parallel_tools"), reason)
    choice = request.tool_choice
    if choice is not None and choice.mode == "none":
        if not _has_tool_blocks(request):
            return {}
        reason = "Bedrock's Converse has no tool choice `none` for conversations that have used tools"
        policy.unsupported(request.named("tool_choice"), reason)
        choice = None
    config: Json = {"tools": [spec for tool in request.tools for spec in _tool(tool)]}
    if choice is not None:
        config["toolChoice"] = {
            "auto": {"auto": {}},
            "required": {"any": {}},
            "named": {"tool": {"name": choice.name}},
        }[choice.mode]
    return {"toolConfig": config}


def _has_tool_blocks(request: Request) -> bool:
    return any(isinstance(part, ToolCall | ToolResult) for turn in request.turns for part in turn.parts)


def _tool(tool: Tool) -> list[Json]:
    spec: Json = {"name": tool.name, "inputSchema": {"json": tool.schema}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict:
        spec["strict"] = True
    return [{"toolSpec": spec}] + ([cache_point(tool.cache)] if tool.cache else [])


def _output(request: Request, effort: Any) -> Json:
    config: Json = {"effort": effort} if effort else {}
    if request.format is not None and request.format.schema is not None:
        config["textFormat"] = _text_format(request.format)
    return {"outputConfig": config} if config else {}


def _text_format(wanted: JsonFormat) -> Json:
    schema: Json = {"schema": dump(sealed(wanted.schema)).decode(), "name": wanted.name}
    if wanted.description:
        schema["description"] = wanted.description
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _rest(request: Request, policy: Policy) -> Json:
    body: Json = {}
    if request.metadata:
        body["requestMetadata"] = {key: str(value) for key, value in request.metadata.items()}
    tier = request.service_tier
    if tier is None:
        return body
    if tier not in TIERS:
        policy.unsupported(request.named("service_tier"), f"Bedrock has no service tier {tier!r}")
        return body
    return body | ({"serviceTier": {"type": TIERS[tier]}} if TIERS[tier] else {})
