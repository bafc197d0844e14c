"""Changing single values of a JSON body; every byte outside them stays."""

from typing import Any, NamedTuple

import orjson

from tallygate.edge.request.jsonscan import TopLevelScanner


class Edit(NamedTuple):
    """Bytes to be put in the place of those from `start` to `end`."""

    start: int
    end: int
    replacement: bytes


def set_model(scan: TopLevelScanner, model: str) -> list[Edit]:
    """Name another model; nothing if the body names none."""
    span = scan.spans.get("model")
    return [] if span is None else [Edit(*span, orjson.dumps(model))]


def ask_usage(scan: TopLevelScanner) -> list[Edit]:
    """Ask for usage in the stream, keeping other stream options."""
    span = scan.spans.get("stream_options")
    if span is not None:
        options: Any = scan.value("stream_options")
        merged = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return [Edit(*span, orjson.dumps(merged))]
    if scan.object_start < 0:
        return []
    return [Edit(scan.object_start, scan.object_start, b'"stream_options":{"include_usage":true},')]


def apply(body: bytes | bytearray, edits: list[Edit]) -> bytes | bytearray:
    """The body with edits made; they do not overlap."""
    if not edits:
        return body
    parts: list[bytes | bytearray] = []
    at = 0
    for edit in sorted(edits):
        parts += (body[at : edit.start], edit.replacement)
        at = edit.end
    parts.append(body[at:])
    return b"".join(parts)


def growth_bytes(edits: list[Edit]) -> int:
    """By how much edits lengthen the body."""
    return sum(len(edit.replacement) - (edit.end - edit.start) for edit in edits)
