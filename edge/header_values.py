"""Values of the gateway's own request headers: strict, so that a mistake is told and never means a default.

The headers are those of `edge.headers.Inbound.gateway`: by name in lower case without prefix (`retry-num`).
All functions raise `GatewayError` 400 `invalid_header`, which names the header as the caller sent it.
"""

import re
from collections.abc import Mapping

from tallygate.edge.errors import invalid_header
from tallygate.edge.labels import GatewayHeader

GatewayHeaders = Mapping[str, GatewayHeader]

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def text(headers: GatewayHeaders, name: str) -> str | None:
    """A header's value, None if it was not sent."""
    header = headers.get(name)
    return None if header is None else header.value.strip()


def flag(headers: GatewayHeaders, name: str, *, default: bool) -> bool:
    """A boolean: `true`, `false`, `1` or `0`."""
    if (header := headers.get(name)) is None:
        return default
    value = _BOOLEANS.get(header.value.strip().lower())
    if value is None:
        raise invalid_header(header.name, "must be true, false, 1 or 0.")
    return value


def integer(headers: GatewayHeaders, name: str, *, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    if (header := headers.get(name)) is None:
        return default
    value = header.value.strip()
    if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
        raise invalid_header(header.name, f"must be a whole number from {low} to {high}.")
    return int(value)


def decimal(headers: GatewayHeaders, name: str, *, default: float, low: float, high: float) -> float:
    """A number from `low` to `high`, with or without a fraction."""
    if (header := headers.get(name)) is None:
        return default
    value = header.value.strip()
    if not _DECIMAL.fullmatch(value) or not low <= float(value) <= high:
        raise invalid_header(header.name, f"must be a number from {low:g} to {high:g}.")
    return float(value)
