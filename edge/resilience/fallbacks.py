"""The `Fallbacks` header (JSON), and the plan of a call put together from all its headers."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from tallygate.edge.errors import invalid_header
from tallygate.edge.header_values import GatewayHeaders
from tallygate.edge.labels import GatewayHeader
from tallygate.edge.resilience.codes import CodeSet, InvalidCodesError
from tallygate.edge.resilience.plan import (
    MAX_MODEL_LENGTH,
    MAX_TARGETS,
    Plan,
    Target,
    fallback_codes,
    fallback_models,
    split_models,
)
from tallygate.edge.resilience.retry import RetryPolicy

FIELDS = frozenset({"target-url", "model", "headers", "onCodes", "bodyKeyOverride"})
MAX_FIELDS = 64
MAX_DEPTH = 32
MAX_URL_LENGTH = 2_048
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,8192}")
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class _BadEntryError(ValueError):
    """An entry can't be used; the message says which and why."""


def build_plan(model: str | None, headers: GatewayHeaders) -> Plan:
    """Put the plan of a call together.

    Args:
        model: The body's `model`, perhaps a comma list; None if the call has none.
        headers: The gateway's own.

    The body's models come first, then those of `Fallback-Model`, then the entries of `Fallbacks`. If the
    first entry of `Fallbacks` has a `target-url`, the list is complete, as in Helicone's gateway: its first
    entry is the first to be tried, and an entry's `onCodes` are those of its own answer that lead on to the
    next. Otherwise the call itself is tried first, and an entry's `onCodes` are those that lead to it.

    Raises:
        GatewayError: 400; a header or `model` is malformed, or `Fallbacks` comes with `Fallback-Model`.
    """
    codes = fallback_codes(headers)
    retry = RetryPolicy.from_headers(headers)
    own: tuple[str | None, ...] = (None,) if model is None else split_models(model)
    more = fallback_models(headers)
    first = tuple(Target(model=name, on_codes=codes) for name in dict.fromkeys((*own, *more)))
    if (header := headers.get("fallbacks")) is None:
        return Plan(first, retry)
    if more:
        raise invalid_header(header.name, "can't be combined with Fallback-Model.")
    entries = parse_fallbacks(header, default=codes)
    if entries[0].target_url is not None:
        return Plan(tuple(_inherit(entry, own[0]) for entry in entries), retry)
    return Plan((*first[:-1], *_led_to([first[-1], *entries], own[0])), retry)


def parse_fallbacks(header: GatewayHeader, *, default: CodeSet) -> tuple[Target, ...]:
    """Read the list; each target has its own entry's `onCodes`, else `default`.

    Raises:
        GatewayError: 400, naming the entry and the field.
    """
    try:
        entries = orjson.loads(header.value)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise invalid_header(header.name, "is not JSON.") from error
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_TARGETS:
        raise invalid_header(header.name, f"must be a JSON array of 1 to {MAX_TARGETS} objects.")
    try:
        return tuple(_target(entry, f"entry {index}", default) for index, entry in enumerate(entries))
    except _BadEntryError as error:
        raise invalid_header(header.name, str(error)) from error


def _inherit(entry: Target, model: str | None) -> Target:
    return entry if entry.model is not None else replace(entry, model=model)


def _led_to(chain: list[Target], model: str | None) -> list[Target]:
    """Give each target the codes that its successor's entry names as leading to it."""
    codes = [target.on_codes for target in chain[1:]] + [chain[-1].on_codes]
    return [
        replace(_inherit(target, model), on_codes=lead) for target, lead in zip(chain, codes, strict=True)
    ]


def _target(entry: Any, where: str, default: CodeSet) -> Target:
    if not isinstance(entry, dict):
        raise _BadEntryError(f"{where} is not an object.")
    if unknown := entry.keys() - FIELDS:
        raise _BadEntryError(f"{where}: unknown field {min(unknown)[:64]!r}.")
    return Target(
        model=_model(entry.get("model"), where),
        target_url=_url(entry.get("target-url"), where),
        headers=_headers(entry.get("headers"), where),
        body_override=_override(entry.get("bodyKeyOverride"), where),
        on_codes=_codes(entry.get("onCodes"), where, default),
    )


def _model(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_MODEL_LENGTH or "," in value:
        raise _BadEntryError(f"{where}: model must be one model's name.")
    return value.strip()


def _url(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_URL_LENGTH or not _is_base_url(value):
        raise _BadEntryError(f"{where}: target-url must be an http or https URL without user or query.")
    return value


def _is_base_url(value: str) -> bool:
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        return False
    try:
        parts = urlsplit(value)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = "@" not in parts.netloc and not parts.query and not parts.fragment
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and port_is_number


def _headers(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict) or len(value) > MAX_FIELDS:
        raise _BadEntryError(f"{where}: headers must be an object of at most {MAX_FIELDS} strings.")
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING:
            raise _BadEntryError(f"{where}: headers: {name[:64]!r} can't be set.")
        if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
            raise _BadEntryError(f"{where}: headers: the value of {name[:64]!r} is not header text.")
    return tuple((name.lower(), text) for name, text in value.items())


def _override(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAX_FIELDS:
        raise _BadEntryError(f"{where}: bodyKeyOverride must be an object of at most {MAX_FIELDS} fields.")
    if _depth(value) > MAX_DEPTH:
        raise _BadEntryError(f"{where}: bodyKeyOverride is nested deeper than {MAX_DEPTH}.")
    return value


def _depth(value: Any) -> int:
    """Levels of nesting, without recursion: the caller may send as many as a parser takes."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [inner for each in level for inner in _inner(each)]
    return depth


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _codes(value: Any, where: str, default: CodeSet) -> CodeSet:
    if value is None:
        return default
    try:
        return CodeSet.from_json(value)
    except InvalidCodesError as error:
        raise _BadEntryError(f"{where}: onCodes: {error}") from error
