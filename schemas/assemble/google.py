"""Google's generateContent: chunks (server-sent events, or one JSON array) to one answer."""

import re
from typing import Any

from tallygate.schemas.assemble.merge import as_dict, as_dicts, as_index

_ARRAY_START = re.compile(r"\s*\[\s*\{")


def looks_like_array(text: str) -> bool:
    """Whether the text may be `streamGenerateContent` without `alt=sse`."""
    return _ARRAY_START.match(text) is not None


def recognises(event: dict[str, Any]) -> bool:
    """Whether an event is a chunk of this API."""
    return isinstance(event.get("candidates"), list) or isinstance(event.get("usageMetadata"), dict)


def assemble(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Put chunks together."""
    whole: dict[str, Any] = {}
    candidates: dict[int, dict[str, Any]] = {}
    for event in events:
        whole.update({name: value for name, value in event.items() if name != "candidates"})
        for part in as_dicts(event.get("candidates")):
            _grow(candidates.setdefault(as_index(part.get("index")), {}), part)
    return {"candidates": [_joined(candidates[index]) for index in sorted(candidates)], **whole}


def _grow(candidate: dict[str, Any], part: dict[str, Any]) -> None:
    before, content = as_dict(candidate.get("content")), as_dict(part.get("content"))
    parts = before.get("parts", [])
    parts.extend(as_dicts(content.get("parts")))
    candidate.update(part)
    candidate["content"] = {**before, **content, "parts": parts}


def _joined(candidate: dict[str, Any]) -> dict[str, Any]:
    """A candidate whose neighbouring texts of one kind (answer or thought) are one part."""
    joined: list[dict[str, Any]] = []
    texts: list[list[str]] = []
    for part in candidate["content"]["parts"]:
        text = part.get("text")
        if not isinstance(text, str):
            joined.append(part)
            texts.append([])
        elif joined and texts[-1] and joined[-1].get("thought") == part.get("thought"):
            texts[-1].append(text)
            joined[-1].update(part)
        else:
            joined.append(dict(part))
            texts.append([text])
    for part, pieces in zip(joined, texts, strict=True):
        if pieces:
            part["text"] = "".join(pieces)
    return {**candidate, "content": {**candidate["content"], "parts": joined}}
