"""What a caller may ask of the simulator in the header `x-simulate`. Pure."""

from dataclasses import dataclass, fields, replace

HEADER = "x-simulate"
MAX_NUMBER = 10_000_000


class BadControlError(ValueError):
    """The header is not understood."""


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls of one call; the table is in the package's docstring."""

    status: int = 0
    retry_after_ms: int = 1000
    fail_times: int = 0
    key: str = ""
    delay_ms: int = 0
    chunk_delay_ms: int = 0
    chunks: int = 0
    cut_after: int = -1
    bad_sse: bool = False
    invalid_utf8: bool = False
    no_usage: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0


_TYPES = {field.name: field.type for field in fields(Controls)}


def parse(header: str, base: Controls) -> Controls:
    """Read the header on top of the simulator's own defaults.

    Raises:
        BadControlError: an unknown name, or a value that is no number.
    """
    values: dict[str, int | bool | str] = {}
    for part in header.split(";"):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if name:
            values[name] = _value(name, value if separator else None)
    return replace(base, **values)  # type: ignore[arg-type]  # checked against the fields' types in _value


def _value(name: str, text: str | None) -> int | bool | str:
    kind = _TYPES.get(name)
    if kind is None:
        raise BadControlError(f"{HEADER}: no control is named {name!r}; there are {', '.join(_TYPES)}")
    if kind is bool:
        return text is None or text.lower() in ("1", "true")
    if kind is str:
        return text or ""
    if text is None or not text.isdecimal() or int(text) > MAX_NUMBER:
        raise BadControlError(f"{HEADER}: {name} takes a number up to {MAX_NUMBER}, not {text!r}")
    return int(text)
