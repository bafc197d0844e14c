"""The grammar of limits: `quota;w=seconds[;u=request|tokens|cents][;s=user|key|property-name]`, or several of
them joined by commas.

Whatever can't be read is an error: a limit that is misspelt must never mean "no limit".
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tallygate.edge.errors import invalid_header
from tallygate.edge.labels import GatewayHeader

Unit = Literal["request", "tokens", "cents"]
ScopeKind = Literal["project", "user", "key", "property"]

MAX_POLICIES = 8
MAX_QUOTA = 500_000_000
"""5 million dollars in cents: in nano-dollars below 2^53, so that Redis's doubles hold it exactly."""
MAX_WINDOW_S = 366 * 86_400
MAX_NAME_LENGTH = 64
NANOS_PER_CENT = 10_000_000
_NUMBER = re.compile(r"[0-9]{1,12}")
_UNITS: dict[str, Unit] = {"request": "request", "requests": "request", "tokens": "tokens", "cents": "cents"}


class InvalidPolicyError(ValueError):
    """Not a rate limit policy; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One limit."""

    quota: int
    """In its unit."""
    window_s: int
    unit: Unit = "request"
    scope: ScopeKind = "project"
    """What has a window of its own: the whole project, each user, key, or value of a property."""
    property_name: str = ""
    """In lower case; of the scope `property` only."""

    @property
    def window_ms(self) -> int:
        """Length of the window."""
        return self.window_s * 1_000

    @property
    def quota_counts(self) -> int:
        """The quota in what is counted: requests, tokens, nano-dollars."""
        return self.quota * (NANOS_PER_CENT if self.unit == "cents" else 1)

    def __str__(self) -> str:
        """In the grammar, in its shortest form."""
        text = f"{self.quota};w={self.window_s}"
        if self.unit != "request":
            text += f";u={self.unit}"
        if self.scope != "project":
            text += f";s={self.property_name or self.scope}"
        return text


def from_header(header: GatewayHeader | None) -> tuple[Policy, ...]:
    """Read `RateLimit-Policy`.

    Raises:
        GatewayError: 400 `invalid_header`.
    """
    if header is None:
        return ()
    try:
        return parse(header.value)
    except InvalidPolicyError as error:
        raise invalid_header(header.name, str(error)) from error


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Policy, ...]:
    """Read one or several policies.

    Raises:
        InvalidPolicyError: malformed, or two of them are for the same window, unit and scope.
    """
    parts = text.split(",")
    if len(parts) > MAX_POLICIES:
        raise InvalidPolicyError(f"more than {MAX_POLICIES} policies.")
    policies = tuple(_policy(part) for part in parts)
    if len({(p.window_s, p.unit, p.scope, p.property_name) for p in policies}) < len(policies):
        raise InvalidPolicyError("two policies have the same window, unit and scope.")
    return policies


def _policy(text: str) -> Policy:
    quota, *parameters = (part.strip() for part in text.split(";"))
    given: dict[str, str] = {}
    for parameter in parameters:
        name, equals, value = (piece.strip() for piece in parameter.partition("="))
        if not equals or name not in ("w", "u", "s") or name in given:
            raise InvalidPolicyError(f"can't read {parameter[:64]!r}; write quota;w=seconds;u=unit;s=scope.")
        given[name] = value
    if "w" not in given:
        raise InvalidPolicyError("the window is missing: add ;w=seconds.")
    unit = _unit(given.get("u", "request"))
    scope, property_name = _scope(given.get("s"))
    return Policy(
        quota=_number(quota, "the quota", MAX_QUOTA),
        window_s=_number(given["w"], "the window w", MAX_WINDOW_S),
        unit=unit,
        scope=scope,
        property_name=property_name,
    )


def _number(text: str, what: str, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= high:
        raise InvalidPolicyError(f"{what} must be a whole number from 1 to {high}.")
    return int(text)


def _unit(text: str) -> Unit:
    unit = _UNITS.get(text)
    if unit is None:
        raise InvalidPolicyError("the unit u must be request, tokens or cents.")
    return unit


def _scope(text: str | None) -> tuple[ScopeKind, str]:
    """The scope of `s`; any name but `user` and `key` is a property's."""
    if text is None:
        return "project", ""
    if text.lower() == "user":
        return "user", ""
    if text.lower() == "key":
        return "key", ""
    name = text.lower()
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable() or '"' in name:
        raise InvalidPolicyError("the scope s must be user, key, or a property's name.")
    return "property", name
