"""OpenAI's chat messages, written for providers."""

from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.media import data_url
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import (
    Audio,
    Cache,
    Document,
    Image,
    Inline,
    Part,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tallygate.edge.dialects.openai_chat.write_answer import write_tool_call

ERROR_PREFIX = "Error: "
"""A failed tool's result is marked by its text: the dialect has no field for it."""


class TurnWriter:
    """Writes turns. Thoughts are left out: the dialect has no place for them, and they are no part of what
    was said."""

    def __init__(self, policy: Policy, *, breakpoints: bool) -> None:
        self._policy = policy
        self._breakpoints = breakpoints

    def write(self, turn: Turn) -> list[Json]:
        """Messages of one turn: results of tools are messages of their own, before the rest."""
        if turn.role == "assistant":
            return self._assistant(turn)
        results = [part for part in turn.parts if isinstance(part, ToolResult)]
        messages = [self._result(part) for part in results]
        rest = [part for part in turn.parts if not isinstance(part, ToolResult)]
        shown = [inner for part in results for inner in part.parts if not isinstance(inner, Text)]
        content = self._content([*shown, *rest])
        return [*messages, {"role": turn.role, "content": content}] if content else messages

    def _assistant(self, turn: Turn) -> list[Json]:
        texts: list[Part] = [part for part in turn.parts if isinstance(part, Text)]
        calls = [write_tool_call(part) for part in turn.parts if isinstance(part, ToolCall)]
        content = self._content(texts) or None
        if content is None and not calls:
            return []
        message: Json = {"role": "assistant", "content": content}
        return [message | {"tool_calls": calls} if calls else message]

    def _result(self, result: ToolResult) -> Json:
        text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
        if result.is_error:
            text = ERROR_PREFIX + text.removeprefix(ERROR_PREFIX)
        return {"role": "tool", "tool_call_id": result.call_id, "content": text}

    def _content(self, parts: list[Part]) -> str | list[Json]:
        """A lone text as a string, which every server takes; anything else as parts."""
        if len(parts) == 1 and isinstance(parts[0], Text) and not (parts[0].cache and self._breakpoints):
            return parts[0].text
        written = (
            (part, self._part(part)) for part in parts if not (isinstance(part, Text) and not part.text)
        )
        return [body | self._mark(part) for part, body in written if body is not None]

    def _mark(self, part: Part) -> Json:
        cache: Cache | None = getattr(part, "cache", None)
        if cache is None or not self._breakpoints:
            return {}
        mark: Json = {"mode": "explicit"}
        return {"prompt_cache_breakpoint": mark | {"ttl": "30m"} if cache.ttl == "1h" else mark}

    def _part(self, part: Part) -> Json | None:
        match part:
            case Text(text):
                return {"type": "text", "text": text}
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case Audio(source):
                kind = source.media_type.removeprefix("audio/")
                return {"type": "input_audio", "input_audio": {"data": source.data, "format": kind}}
            case _:
                return None

    @staticmethod
    def _image(part: Image) -> Json:
        url = data_url(part.source) if isinstance(part.source, Inline) else part.source.url
        image: Json = {"url": url}
        return {"type": "image_url", "image_url": image | {"detail": part.detail} if part.detail else image}

    def _document(self, part: Document) -> Json | None:
        if not isinstance(part.source, Inline):
            self._policy.unsupported(part.where, "files are sent to this provider by content, not by URL")
            return None
        name = part.name or ("document.pdf" if part.source.media_type.endswith("pdf") else "document.txt")
        return {"type": "file", "file": {"filename": name, "file_data": data_url(part.source)}}
