"""Requests checked by the makers' own models of them."""

from functools import cache
from itertools import pairwise
from typing import Any, get_type_hints

import botocore.loaders
import botocore.model
import botocore.validate
from anthropic.types import MessageParam, TextBlockParam, ToolChoiceParam, ToolParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types as google
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

Json = dict[str, Any]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _all(item: Any, values: Any) -> None:
    """Each value alone: in a lazy `Iterable` pydantic would validate none."""
    adapter = _adapter(item)
    for value in values:
        checked = adapter.validate_python(value)
        content = checked.get("content")
        if content is not None and not isinstance(content, str):
            list(content)


def _whole(kind: Any, body: Json) -> None:
    """The body itself; typed dictionaries let unknown keys pass, so those are looked for."""
    _adapter(kind).validate_python(body)
    assert body.keys() <= get_type_hints(kind).keys()


SAMPLING = ("temperature", "top_p", "top_k")
"""Anthropic's package knows them no more, its older models do."""


def check_anthropic(body: Json) -> None:
    """A body for `/v1/messages`."""
    rest = {key: value for key, value in body.items() if key not in (*SAMPLING, "stream")}
    _whole(MessageCreateParamsNonStreaming, rest)
    _all(MessageParam, body["messages"])
    _all(ToolParam, body.get("tools", []))
    _all(ToolChoiceParam, [body["tool_choice"]] if "tool_choice" in body else [])
    _all(TextBlockParam, body.get("system", []))
    roles = [message["role"] for message in body["messages"]]
    assert all(one != two for one, two in pairwise(roles))


def check_openai(body: Json) -> None:
    """A body for `/chat/completions`."""
    rest = {key: value for key, value in body.items() if key != "stream"}
    _whole(CompletionCreateParamsNonStreaming, rest)
    _all(ChatCompletionMessageParam, body["messages"])
    _all(ChatCompletionToolUnionParam, body.get("tools", []))


def check_google(body: Json) -> None:
    """A body for `generateContent`; these models forbid unknown fields."""
    known = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier"}
    assert body.keys() <= known
    for content in body["contents"]:
        google.Content.model_validate(content)
    google.Content.model_validate(body.get("systemInstruction", {}))
    for tool in body.get("tools", []):
        google.Tool.model_validate(tool)
    google.ToolConfig.model_validate(body.get("toolConfig", {}))
    google.GenerationConfig.model_validate(body.get("generationConfig", {}))


@cache
def _converse() -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(
        botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    )


def check_bedrock(body: Json) -> None:
    """A body for Converse, by the service's model in botocore."""
    shape = _converse().operation_model("Converse").input_shape
    report = botocore.validate.ParamValidator().validate(body | {"modelId": "m"}, shape)
    assert not report.has_errors(), report.generate_report()


CHECKS = {
    "openai.chat": check_openai,
    "anthropic.messages": check_anthropic,
    "google.generate": check_google,
    "bedrock.converse": check_bedrock,
}
