"""Sets of status codes as callers write them: `429,500-599`, in JSON `[429, {"from": 500, "to": 599}]`."""

import re
from dataclasses import dataclass
from typing import Any

LOWEST, HIGHEST = 400, 599
_RANGE = re.compile(r"([0-9]{3})(?:\s*-\s*([0-9]{3}))?")


class InvalidCodesError(ValueError):
    """Not a set of status codes; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class CodeSet:
    """Status codes as ranges, both ends included."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.ranges)

    @classmethod
    def parse(cls, text: str) -> "CodeSet":
        """Read `429,500-599`.

        Raises:
            InvalidCodesError: malformed, empty, or not within 400 to 599.
        """
        return cls(tuple(_parse_range(part.strip()) for part in text.split(",")))

    @classmethod
    def from_json(cls, value: Any) -> "CodeSet":
        """Read `[429, "500-503", {"from": 500, "to": 599}]`.

        Raises:
            InvalidCodesError: malformed, empty, or not within 400 to 599.
        """
        if not isinstance(value, list) or not value or len(value) > 100:
            raise InvalidCodesError("must be a list of status codes.")
        return cls(tuple(_range_of(item) for item in value))


DEFAULT_FALLBACK_CODES = CodeSet(((429, 429), (500, 599)))


def _parse_range(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise InvalidCodesError("must be status codes and ranges like 429,500-599.")
    low = int(match[1])
    return _checked(low, int(match[2] or low))


def _range_of(item: Any) -> tuple[int, int]:
    if isinstance(item, str):
        return _parse_range(item.strip())
    if isinstance(item, dict) and item.keys() == {"from", "to"}:
        return _checked(item["from"], item["to"])
    return _checked(item, item)


def _checked(low: Any, high: Any) -> tuple[int, int]:
    if type(low) is not int or type(high) is not int or not LOWEST <= low <= high <= HIGHEST:
        raise InvalidCodesError(f"must be status codes from {LOWEST} to {HIGHEST}, ranges from low to high.")
    return low, high
