"""Bedrock's content blocks, written. Bytes are base64 in JSON."""

import re

from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.media import extension_of, media_type_of
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import (
    Audio,
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
from tallygate.edge.dialects.common.tools import arguments_object, safe_id

IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS = frozenset({"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"})
AUDIO = {"x-wav": "wav", "mpeg": "mp3"}


def cache_point(cache: Cache) -> Json:
    """A block that marks the end of what is to be cached."""
    point: Json = {"type": "default"}
    return {"cachePoint": point | {"ttl": cache.ttl} if cache.ttl in ("5m", "1h") else point}


class PartWriter:
    """Writes content blocks; what has none is refused or left out."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._documents = 0

    def write(self, parts: "list[Part] | tuple[Text | Image | Document, ...]") -> list[Json]:
        """Blocks, each followed by its cache mark."""
        blocks: list[Json] = []
        for part in parts:
            block = self._block(part)
            if block is not None:
                cache: Cache | None = getattr(part, "cache", None)
                blocks += [block, cache_point(cache)] if cache else [block]
        return blocks

    def _block(self, part: Part) -> Json | None:
        match part:
            case Text(text):
                return {"text": text}
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case Audio(source):
                kind = source.media_type.removeprefix("audio/")
                return {"audio": {"format": AUDIO.get(kind, kind), "source": {"bytes": source.data}}}
            case ToolCall():
                use = {"toolUseId": safe_id(part.id), "name": part.name, "input": arguments_object(part)}
                return {"toolUse": use}
            case ToolResult():
                return self._result(part)
            case Thinking(text, signature):
                thought = {"reasoningText": {"text": text, "signature": signature}}
                return {"reasoningContent": thought} if signature else None
            case RedactedThinking(data):
                return {"reasoningContent": {"redactedContent": data}}

    def _source(self, where: str, source: Source) -> Json | None:
        if isinstance(source, Inline):
            return {"bytes": source.data}
        if source.url.lower().startswith("s3://"):
            return {"s3Location": {"uri": source.url}}
        self._policy.unsupported(where, "Bedrock fetches no URLs but s3: send the content as a data URL")
        return None

    def _image(self, part: Image) -> Json | None:
        source = self._source(part.where, part.source)
        if source is None:
            return None
        kind = self._kind(part.source)
        if kind not in IMAGES:
            self._policy.unsupported(part.where, f"Bedrock takes no images of type {kind}")
            return None
        return {"image": {"format": IMAGES[kind], "source": source}}

    @staticmethod
    def _kind(source: Source) -> str:
        return source.media_type if isinstance(source, Inline) else media_type_of(source.url, "image/jpeg")

    def _document(self, part: Document) -> Json | None:
        source = self._source(part.where, part.source)
        if source is None:
            return None
        extension = self._extension(part)
        if extension not in DOCUMENTS:
            self._policy.unsupported(part.where, "Bedrock takes no documents of this type")
            return None
        return {"document": {"format": extension, "name": self._name(part), "source": source}}

    def _extension(self, part: Document) -> str | None:
        by_type = extension_of(self._kind(part.source))
        return {"htm": "html"}.get(by_type or "", by_type)

    def _name(self, part: Document) -> str:
        """Letters, digits, single spaces, hyphens, brackets; unique, as Bedrock wants it."""
        self._documents += 1
        stem = (part.name or "").rsplit(".", 1)[0]
        name = re.sub(r"\s+", " ", re.sub(r"[^a-zA-Z0-9\s()\[\]-]", "-", stem)).strip()
        return f"{name or 'document'} {self._documents}"[-200:].strip()

    def _result(self, part: ToolResult) -> Json:
        kept = tuple(inner for inner in part.parts if not isinstance(inner, Text) or inner.text)
        # A result's own blocks take no marks.
        content = [block for block in self.write(kept) if "cachePoint" not in block]
        result: Json = {"toolUseId": safe_id(part.call_id), "content": content or [{"text": " "}]}
        return {"toolResult": result | ({"status": "error"} if part.is_error else {})}
