"""How many tokens a call can take at most, by its body. Pure.

Of text, a token is a byte at least. Pictures, sound, files, what a provider keeps of earlier calls: their
tokens are not seen here, but all input fits into the model's context window. What a provider runs by itself,
as searches, has no bound at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OVERHEAD_TOKENS = 64
TOOLS_OVERHEAD_TOKENS = 2_000
"""What providers put around a prompt by themselves: more, if there are tools to be explained."""
_MAX_OUTPUT: Mapping[str, tuple[str, ...]] = {
    "chat/completions": ("max_completion_tokens", "max_tokens"),
    "completions": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
}
_NOT_TEXT = frozenset(
    {
        "image_url",
        "input_image",
        "image",
        "input_audio",
        "audio",
        "file",
        "input_file",
        "document",
        "video_url",
        "item_reference",
    }
)
"""Types of parts of a prompt."""
_ELSEWHERE = frozenset(
    {
        "previous_response_id",
        "conversation",
        "prompt_id",
        "container",
        "file_id",
        "inlineData",
        "inline_data",
        "fileData",
        "file_data",
        "cachedContent",
        "cached_content",
    }
)
"""Fields that stand for what is not in the body, or not as text."""
_OWN_TOOLS = ("function", "custom", "bash_", "text_editor_", "computer_", "memory_")
"""Beginnings of the types of tools that the caller runs."""
_MAX_DEPTH = 64


class UnboundedError(Exception):
    """What the call may take has no bound; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """At most so many tokens."""

    input_tokens: int | None
    """None: as many as the model's context window has."""
    output_tokens: int | None
    """Of all choices together; None: likewise, of each choice."""
    choices: int = 1


def bounds_of(endpoint: str, body: Mapping[str, Any] | None, size_bytes: int) -> Bounds:
    """The bounds of a call.

    Raises:
        UnboundedError: there are none.
    """
    google = endpoint.rpartition(":")[2] in ("generateContent", "streamGenerateContent")
    if body is None or not (google or endpoint in _MAX_OUTPUT or endpoint == "embeddings"):
        raise UnboundedError("of this kind of call no one can say what it costs at worst")
    _check_tools(body)
    if body.get("background") is True:
        raise UnboundedError("a call in the background goes on when it has been answered")
    seen = all(_is_text(part) for part in _objects(body, 0))
    overhead = TOOLS_OVERHEAD_TOKENS if body.get("tools") else OVERHEAD_TOKENS
    input_tokens = size_bytes + overhead if seen else None
    if endpoint == "embeddings":
        return Bounds(input_tokens, 0)
    config = body.get("generationConfig", body.get("generation_config")) if google else body
    config = config if isinstance(config, dict) else {}
    choices = _number(config, "candidateCount", "n", "best_of") or 1
    names = ("maxOutputTokens", "max_output_tokens") if google else _MAX_OUTPUT[endpoint]
    most = _number(config, *names)
    if most is None:
        return Bounds(input_tokens, None, choices)
    guessed = size_bytes if body.get("prediction") is not None else 0  # what it guesses wrongly is output
    return Bounds(input_tokens, (most + guessed) * choices, choices)


def _check_tools(body: Mapping[str, Any]) -> None:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        if not isinstance(tool, dict):
            continue
        kind = tool.get("type")
        own = kind is None and not any(key in tool for key in ("googleSearch", "codeExecution", "urlContext"))
        if not own and not (isinstance(kind, str) and kind.startswith(_OWN_TOOLS)):
            raise UnboundedError("it has tools that the provider runs, whose cost has no bound")
    if body.get("web_search_options") is not None or body.get("mcp_servers"):
        raise UnboundedError("it has tools that the provider runs, whose cost has no bound")


def _is_text(part: Mapping[str, Any]) -> bool:
    if any(part.get(name) is not None for name in _ELSEWHERE):
        return False
    kind = part.get("type")
    return not (isinstance(kind, str) and kind in _NOT_TEXT)


def _objects(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Every object in a body; what is nested deeper than anyone means counts as not text."""
    if depth > _MAX_DEPTH:
        yield {"type": "file"}
    elif isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _objects(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each, depth + 1)


def _number(config: Mapping[str, Any], *names: str) -> int | None:
    """The highest of some fields; None if none is a number."""
    found = [config[name] for name in names if type(config.get(name)) is int and config[name] >= 0]
    return max(found, default=None)
