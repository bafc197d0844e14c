"""Finding usage in the end of a text that is too long to be parsed: embeddings, a huge last event."""

import json
import re

from tallygate.edge.usage.found import USAGE_KEY, Found

TAIL_BYTES = 64 * 1024
_MODEL = re.compile(rb'"model(?:Version)?"\s*:\s*"([^"\\]{1,256})"')
_decoder = json.JSONDecoder()


def scan(found: Found, head: bytes, tail: bytes) -> None:
    """Read the last usage object of `tail`, and a model from the tail or else from the head."""
    model = _last(_MODEL, tail) or _MODEL.search(head)
    if model is not None:
        found.model = model.group(1).decode(errors="replace")
    usage = _last(USAGE_KEY, tail)
    if usage is None:
        return
    text = tail[usage.end() - 1 :].decode(errors="replace")
    try:
        value, _ = _decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return
    found.take({"usage": value})


def _last(pattern: re.Pattern[bytes], text: bytes) -> re.Match[bytes] | None:
    last = None
    for match in pattern.finditer(text):
        last = match
    return last
