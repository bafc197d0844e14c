"""Anthropic's token counts: `input_tokens` is what was neither read from a cache nor written to one."""

from typing import Any

from tallygate.edge.dialects.common.answer import Usage
from tallygate.edge.dialects.common.read import Json, count, obj


def read_usage(value: Any) -> Usage:
    """The `usage` of a message."""
    usage = obj(value)
    cached = count(usage.get("cache_read_input_tokens"))
    written = count(usage.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=count(usage.get("input_tokens")) + cached + written,
        output_tokens=count(usage.get("output_tokens")),
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=count(obj(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


def write_usage(usage: Usage) -> Json:
    """The `usage` of a message."""
    body: Json = {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        body["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return body
