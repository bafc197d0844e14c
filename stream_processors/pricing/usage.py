"""A provider's usage object to counts, by the mappings of `genai-prices`, but strictly."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

from genai_prices.types import ArrayMatch, Provider, UsageExtractorMapping

from tallygate.stream_processors.pricing.flavors import extractor_for, shape_of

Counted = int | Fraction
Counts = Mapping[str, Counted]
"""Counts by `genai-prices`' names of what is counted: `input_tokens`, `web_searches`, …"""

MAX_COUNT = 10**9
"""No call uses more of anything; above it a count is taken for nonsense. Keeps every sum within 64 bits."""

_PARTS = {
    "input_tokens": ("cache_read_tokens", "cache_write_tokens", "input_audio_tokens"),
    "output_tokens": ("output_reasoning_tokens", "output_audio_tokens"),
}


class BadUsageError(ValueError):
    """The usage object says something that can't be."""


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a count is found."""

    way: tuple[str | ArrayMatch, ...]
    name: str
    key: str
    required: bool


class UsageReader:
    """Reads usage objects of every provider."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        """`providers`: those of `genai-prices`, by its ids."""
        self._providers = providers
        self._fields: dict[tuple[str, str], tuple[_Field, ...]] = {}

    def read(self, usage: Mapping[str, Any], provider: str, flavor: str) -> Counts | None:
        """Read a usage object (not empty of counts), or return None if it counts nothing.

        `provider` is an id of `genai-prices`, or anything else; `flavor` is `ResponseEvent.usage_flavor`.

        Raises:
            BadUsageError: a count is no number, negative or absurd, missing beside others, or larger than
                the whole it is a part of.
        """
        shape = shape_of(usage, flavor, provider)
        if shape is None:
            return None
        counts: dict[str, Counted] = {}
        missing = ""
        for field in self._fields_of(provider, shape):
            value = _find(usage, field)
            if value is not None:
                counts[field.key] = counts.get(field.key, 0) + _number(field.key, value)
            elif field.required:
                missing = field.name
        if counts and missing:
            raise BadUsageError(f"{missing} is missing")
        _check_parts(counts)
        return counts or None

    def _fields_of(self, provider: str, shape: str) -> tuple[_Field, ...]:
        known = self._providers.get(provider)
        key = ("" if known is None else known.id, shape)
        fields = self._fields.get(key)
        if fields is None:
            extractor = extractor_for(known, shape, self._providers)
            fields = self._fields[key] = tuple(_field(mapping) for mapping in extractor.mappings)
        return fields


def _field(mapping: UsageExtractorMapping) -> _Field:
    *way, name = [mapping.path] if isinstance(mapping.path, str) else mapping.path
    if not isinstance(name, str):
        raise TypeError(f"path of {mapping.dest} ends in a match")
    return _Field(tuple(way), name, mapping.dest, mapping.required)


def _find(usage: Mapping[str, Any], field: _Field) -> Any:
    """The value in a field's place; None if it, or something on the way to it, is absent or null."""
    at: Any = usage
    for step in field.way:
        if isinstance(step, str):
            at = at.get(step)
        elif isinstance(at, list):
            at = _matching(at, step)
        else:
            raise BadUsageError(f"{step.field}: not a list")
        if at is None:
            return None
        if not isinstance(at, (dict, list)):
            raise BadUsageError(f"{field.name}: not an object")
    if not isinstance(at, dict):
        raise BadUsageError(f"{field.name}: not in an object")
    return at.get(field.name)


def _matching(items: list[Any], match: ArrayMatch) -> Any:
    for item in items:
        if isinstance(item, dict):
            value = item.get(match.field)
            if isinstance(value, str) and match.match.is_match(value):
                return item
    return None


def _number(key: str, value: Any) -> Counted:
    """A count: a whole number, or for durations any."""
    if type(value) is int:
        if 0 <= value <= MAX_COUNT:
            return value
    elif type(value) is float and key.endswith("_seconds") and isfinite(value) and 0 <= value <= MAX_COUNT:
        return Fraction(Decimal(repr(value)))  # as it was written in JSON
    raise BadUsageError(f"{key}: {value!r:.40} is no count")


def _check_parts(counts: Counts) -> None:
    for whole, parts in _PARTS.items():
        total = counts.get(whole)
        if total is not None and any(counts.get(part, 0) > total for part in parts):
            raise BadUsageError(f"a part of {whole} is larger than the whole")
