"""Content of OpenAI's chat messages, read."""

from dataclasses import replace

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.media import check_base64, media_type_of, parse_url
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import (
    Audio,
    Cache,
    Document,
    Image,
    Inline,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_PART_KEYS = ("type", "cache_control", "prompt_cache_breakpoint")


def parse_content(message: Node, policy: Policy) -> list[Part]:
    """The parts of a message's `content`: a string, a list of parts, or nothing."""
    where = message.at("content")
    content = message.raw("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content, where)]
    if not isinstance(content, list):
        raise InvalidFieldError(where, "must be a string or a list of parts")
    parts = (_parse_part(node, policy) for node in message.nodes("content"))
    return [part for part in parts if part is not None]


def _parse_part(node: Node, policy: Policy) -> Part | None:
    kind = node.need_text("type")
    cache = parse_cache(node)
    if kind == "text":
        node.refuse_others(policy, (*_PART_KEYS, "text"))
        return Text(node.need_text("text"), node.path, cache)
    if kind == "refusal":
        return Text(node.need_text("refusal"), node.path, cache)
    if kind == "image_url":
        return _parse_image(node, cache)
    if kind == "file":
        return _parse_file(node, cache, policy)
    if kind == "input_audio":
        return _parse_audio(node, cache)
    policy.unsupported(node.path, f"content parts of type {kind!r} cannot be translated")
    return None


def _parse_image(node: Node, cache: Cache | None) -> Image:
    image = node.need_node("image_url")
    source = parse_url(image.need_text("url"), image.at("url"))
    return Image(source, node.path, cache, image.text("detail"))


def _parse_file(node: Node, cache: Cache | None, policy: Policy) -> Document | None:
    file = node.need_node("file")
    if file.has("file_id"):
        policy.unsupported(file.at("file_id"), "files uploaded to one provider are unknown to another")
        return None
    name = file.text("filename")
    data, where = file.need_text("file_data"), file.at("file_data")
    if data[:5].lower() == "data:":
        return Document(parse_url(data, where), node.path, cache, name)
    inline = Inline(media_type_of(name or "", "application/pdf"), check_base64(data, where))
    return Document(inline, node.path, cache, name)


def _parse_audio(node: Node, cache: Cache | None) -> Audio:
    audio = node.need_node("input_audio")
    data = check_base64(audio.need_text("data"), audio.at("data"))
    return Audio(Inline(f"audio/{audio.need_text('format')}", data), node.path, cache)


def parse_cache(node: Node) -> Cache | None:
    """OpenAI's `prompt_cache_breakpoint`, or Anthropic's `cache_control`, which many send here too."""
    mark = node.node("cache_control")
    if mark is not None:
        return Cache(mark.text("ttl"))
    breakpoint_ = node.node("prompt_cache_breakpoint")
    if breakpoint_ is None:
        return None
    # OpenAI's lifetimes (30m, 12h) are minima; the longest that others have is an hour.
    return Cache("1h" if breakpoint_.has("ttl") else None)


def mark_last(parts: list[Part], cache: Cache | None) -> list[Part]:
    """A mark on a whole message is one on its last part."""
    if cache is None or not parts or not isinstance(parts[-1], _MARKABLE):
        return parts
    return [*parts[:-1], replace(parts[-1], cache=cache)]


_MARKABLE = Text | Image | Document | Audio | ToolCall | ToolResult


def parse_thoughts(message: Node) -> list[Part]:
    """Thoughts that an earlier answer of the gateway carried: `thinking_blocks`, with signatures."""
    parts: list[Part] = []
    for node in message.nodes("thinking_blocks"):
        if node.text("type") == "redacted_thinking":
            parts.append(RedactedThinking(node.need_text("data"), node.path))
        else:
            parts.append(Thinking(node.text("thinking") or "", node.text("signature") or "", node.path))
    return parts
