"""OpenAI's token counts: input includes what was read from a cache, output includes reasoning."""

from typing import Any

from tallygate.edge.dialects.common.answer import Usage
from tallygate.edge.dialects.common.read import Json, count, obj


def read_usage(value: Any) -> Usage:
    """The `usage` of a chat completion."""
    usage = obj(value)
    prompt = obj(usage.get("prompt_tokens_details"))
    completion = obj(usage.get("completion_tokens_details"))
    return Usage(
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        # DeepSeek has a name of its own for it.
        cached_tokens=count(prompt.get("cached_tokens")) or count(usage.get("prompt_cache_hit_tokens")),
        cache_write_tokens=count(prompt.get("cache_write_tokens")),
        reasoning_tokens=count(completion.get("reasoning_tokens")),
        audio_input_tokens=count(prompt.get("audio_tokens")),
    )


def write_usage(usage: Usage) -> Json:
    """The `usage` of a chat completion."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "audio_tokens": usage.audio_input_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
