"""Anthropic's content blocks, written for providers."""

from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.media import PDF, decode_text, is_text
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import (
    Audio,
    Cache,
    Document,
    Image,
    Inline,
    Link,
    Part,
    RedactedThinking,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tallygate.edge.dialects.common.tools import arguments_object, safe_id

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def mark(cache: Cache | None) -> Json:
    """`cache_control`."""
    if cache is None:
        return {}
    kind: Json = {"type": "ephemeral"}
    return {"cache_control": kind | {"ttl": cache.ttl} if cache.ttl else kind}


def render_parts(parts: "list[Part] | tuple[Text | Image | Document, ...]", policy: Policy) -> list[Json]:
    """Blocks for parts; what has no block is refused or left out."""
    blocks = ((part, _block(part, policy)) for part in parts)
    return [block | mark(getattr(part, "cache", None)) for part, block in blocks if block is not None]


def _block(part: Part, policy: Policy) -> Json | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image():
            return _image(part, policy)
        case Document():
            return _document(part, policy)
        case ToolCall():
            use: Json = {"type": "tool_use", "id": safe_id(part.id), "name": part.name}
            return use | {"input": arguments_object(part)}
        case ToolResult():
            return _result(part, policy)
        case Thinking(text, signature):
            # An unsigned thought is another model's; Claude would refuse it.
            return {"type": "thinking", "thinking": text, "signature": signature} if signature else None
        case RedactedThinking(data):
            return {"type": "redacted_thinking", "data": data}
        case Audio():
            policy.unsupported(part.where, "Claude takes no audio")
            return None


def _image(part: Image, policy: Policy) -> Json | None:
    source = part.source
    if isinstance(source, Inline) and source.media_type not in IMAGES:
        policy.unsupported(part.where, f"Claude takes no images of type {source.media_type}")
        return None
    return {"type": "image", "source": _source(source)} if _fetchable(part.where, source, policy) else None


def _fetchable(where: str, source: Source, policy: Policy) -> bool:
    if isinstance(source, Link) and not source.url.lower().startswith("http"):
        policy.unsupported(where, "Claude fetches http(s) URLs only")
        return False
    return True


def _source(source: Source) -> Json:
    if isinstance(source, Link):
        return {"type": "url", "url": source.url}
    return {"type": "base64", "media_type": source.media_type, "data": source.data}


def _document(part: Document, policy: Policy) -> Json | None:
    source = part.source
    title: Json = {"title": part.name} if part.name else {}
    if isinstance(source, Inline) and is_text(source.media_type):
        text = decode_text(source, part.where)
        plain = {"type": "text", "media_type": "text/plain", "data": text}
        return {"type": "document", "source": plain} | title
    if isinstance(source, Inline) and source.media_type != PDF:
        policy.unsupported(part.where, f"Claude takes PDF and text, not {source.media_type}")
        return None
    if not _fetchable(part.where, source, policy):
        return None
    return {"type": "document", "source": _source(source)} | title


def _result(part: ToolResult, policy: Policy) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": safe_id(part.call_id)}
    kept = tuple(inner for inner in part.parts if not isinstance(inner, Text) or inner.text)
    if len(kept) == 1 and isinstance(kept[0], Text) and kept[0].cache is None:
        block["content"] = kept[0].text
    elif kept:
        block["content"] = render_parts(kept, policy)
    return block | ({"is_error": True} if part.is_error else {})
