"""The name of an answer: two calls share one exactly if they ask the same. Pure."""

import hashlib
from typing import Any

import orjson

from tallygate.edge.cache.directives import Directives

CACHEABLE = frozenset(
    {
        "audio/speech",
        "chat/completions",
        "completions",
        "embeddings",
        "images/generations",
        "messages",
        "moderations",
        "rerank",
        "responses",
    }
)
"""Endpoints whose POST changes nothing. Never those that make files, batches or threads."""

_UNCOUNTED = frozenset({"model", "stream", "stream_options", "user"})
"""Fields that do not change the answer, only its form; the model is in the key by itself."""
_MAX_DEPTH = 100
_EXACT = 2**53


class _NotCanonicalError(Exception):
    """Two such bodies may differ and yet have one canonical form."""


def is_cacheable(method: str, endpoint: str) -> bool:
    """Whether answers of an endpoint may be stored at all."""
    return method == "POST" and endpoint in CACHEABLE


def cache_key(project: str, endpoint: str, model: str, body: bytes, directives: Directives) -> bytes | None:
    """32 bytes that name the answer; None if the body is no JSON object, and so the call not cacheable.

    Args:
        endpoint: As in `CallContext.endpoint`: it belongs to no provider.
        model: As asked for, aliases and all, in one way of writing it.

    The order of fields, white space, and how a number is written (1, 1.0, 1e0) do not matter. A body with
    numbers or nesting that can't be compared so without loss is compared byte by byte.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    ignored = _UNCOUNTED | directives.ignore_keys
    kept = {name: value for name, value in fields.items() if name not in ignored}
    try:
        content = b"c" + orjson.dumps(_canonical(kept, 0), option=orjson.OPT_SORT_KEYS)
    except (_NotCanonicalError, orjson.JSONEncodeError):
        content = b"r" + body
    digest = hashlib.blake2b(digest_size=32)
    for part in (project.encode(), endpoint.encode(), model.encode(), directives.seed.encode(), content):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _canonical(value: Any, depth: int) -> Any:
    """The value with whole floats as integers."""
    if depth > _MAX_DEPTH:
        raise _NotCanonicalError
    if isinstance(value, dict):
        return {name: _canonical(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_canonical(inner, depth + 1) for inner in value]
    if isinstance(value, float):
        if abs(value) >= _EXACT:  # also what was written as a longer integer than a float holds
            raise _NotCanonicalError
        return int(value) if value.is_integer() else value
    return value
