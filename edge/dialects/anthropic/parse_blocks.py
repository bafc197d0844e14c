"""Anthropic's content blocks, read."""

import orjson

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy
from tallygate.edge.dialects.common.media import check_base64, encode_text, parse_url
from tallygate.edge.dialects.common.read import Node
from tallygate.edge.dialects.common.request import (
    Cache,
    Document,
    Image,
    Inline,
    Part,
    RedactedThinking,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def parse_content(node: Node, key: str, policy: Policy) -> list[Part]:
    """Blocks of a field that is a string or a list of blocks."""
    value = node.raw(key)
    if isinstance(value, str):
        return [Text(value, node.at(key))]
    if not isinstance(value, list):
        raise InvalidFieldError(node.at(key), "must be a string or a list of blocks")
    parts = (_parse_block(block, policy) for block in node.nodes(key))
    return [part for part in parts if part is not None]


def parse_cache(node: Node) -> Cache | None:
    """`cache_control`."""
    mark = node.node("cache_control")
    return None if mark is None else Cache(mark.text("ttl"))


def _parse_block(node: Node, policy: Policy) -> Part | None:
    cache = parse_cache(node)
    match node.need_text("type"):
        case "text":
            if node.nodes("citations"):
                policy.unsupported(node.at("citations"), "citations cannot be translated")
            return Text(node.need_text("text"), node.path, cache)
        case "image":
            source = _parse_source(node, policy)
            return None if source is None else Image(source, node.path, cache)
        case "document":
            return _parse_document(node, cache, policy)
        case "tool_use":
            return _parse_call(node, cache)
        case "tool_result":
            return _parse_result(node, cache, policy)
        case "thinking":
            return Thinking(node.need_text("thinking"), node.text("signature") or "", node.path)
        case "redacted_thinking":
            return RedactedThinking(node.need_text("data"), node.path)
        case kind:
            policy.unsupported(node.path, f"content blocks of type {kind!r} cannot be translated")
            return None


def _parse_source(node: Node, policy: Policy) -> Source | None:
    source = node.need_node("source")
    match source.need_text("type"):
        case "base64":
            data = check_base64(source.need_text("data"), source.at("data"))
            return Inline(source.need_text("media_type"), data)
        case "url":
            return parse_url(source.need_text("url"), source.at("url"))
        case "text":
            return encode_text(source.need_text("data"), source.text("media_type") or "text/plain")
        case "content":
            return _parse_content_source(source, policy)
        case kind:
            policy.unsupported(source.path, f"sources of type {kind!r} are unknown to other providers")
            return None


def _parse_content_source(source: Node, policy: Policy) -> Source:
    texts = []
    for part in parse_content(source, "content", policy):
        if isinstance(part, Text):
            texts.append(part.text)
        else:
            policy.unsupported(part.where, "a document made of blocks is translated if they are text")
    return encode_text("\n".join(texts))


def _parse_document(node: Node, cache: Cache | None, policy: Policy) -> Document | None:
    citations = node.node("citations")
    if citations is not None and citations.flag("enabled"):
        policy.unsupported(citations.path, "citations cannot be translated")
    if node.has("context"):
        policy.unsupported(node.at("context"), "a document's context cannot be translated")
    source = _parse_source(node, policy)
    return None if source is None else Document(source, node.path, cache, node.text("title"))


def _parse_call(node: Node, cache: Cache | None) -> ToolCall:
    arguments = orjson.dumps(node.need_node("input").value).decode()
    return ToolCall(node.need_text("id"), node.need_text("name"), arguments, node.at("input"), cache)


def _parse_result(node: Node, cache: Cache | None, policy: Policy) -> ToolResult:
    parts: list[Text | Image | Document] = []
    for part in parse_content(node, "content", policy) if node.has("content") else []:
        if isinstance(part, Text | Image | Document):
            parts.append(part)
        else:
            raise InvalidFieldError(part.where, "a tool's result holds text, images or documents")
    is_error = bool(node.flag("is_error"))
    return ToolResult(node.need_text("tool_use_id"), tuple(parts), node.path, cache, is_error)
