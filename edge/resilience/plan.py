"""What may be tried for a call, in order: models and full fallback targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tallygate.edge.errors import invalid_header, invalid_request
from tallygate.edge.header_values import GatewayHeaders
from tallygate.edge.resilience.codes import DEFAULT_FALLBACK_CODES, CodeSet, InvalidCodesError
from tallygate.edge.resilience.retry import RetryPolicy

MAX_TARGETS = 20
MAX_MODEL_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to try: the call as it came, with what is named here put in its place."""

    model: str | None = None
    """As callers name it (an alias, `provider/name`); None: the call has none."""
    target_url: str | None = None
    """A provider base URL. Not yet held against the allow-list: the router does that."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Set on the provider request, names in lower case; the call's other headers stay. They may
    hold keys."""
    body_override: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Laid over the JSON body by `apply_override`."""
    on_codes: CodeSet = DEFAULT_FALLBACK_CODES
    """Statuses of this target after which the next one is tried. A failed connection and a time-out, which
    have no status, always are followed by the next."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Targets in the order in which they are tried, each with the same retries."""

    targets: tuple[Target, ...]
    retry: RetryPolicy


def split_models(model: str) -> tuple[str, ...]:
    """The names of a body's `model`, in order, each once.

    Raises:
        GatewayError: 400; an empty name, one that is too long, or too many of them.
    """
    names, problem = _names(model)
    if problem:
        raise invalid_request(f"model: {problem}", param="model")
    return names


def fallback_models(headers: GatewayHeaders) -> tuple[str, ...]:
    """Read `Fallback-Model`.

    Raises:
        GatewayError: 400; not a list of model names.
    """
    if (header := headers.get("fallback-model")) is None:
        return ()
    names, problem = _names(header.value)
    if problem:
        raise invalid_header(header.name, problem)
    return names


def fallback_codes(headers: GatewayHeaders) -> CodeSet:
    """Read `Fallback-OnCodes`.

    Raises:
        GatewayError: 400; not a list of status codes.
    """
    if (header := headers.get("fallback-oncodes")) is None:
        return DEFAULT_FALLBACK_CODES
    try:
        return CodeSet.parse(header.value)
    except InvalidCodesError as error:
        raise invalid_header(header.name, str(error)) from error


def apply_override(body: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `override` over `body`: objects are merged field by field, everything else is replaced."""
    merged = dict(body)
    for name, value in override.items():
        present = merged.get(name)
        if isinstance(value, Mapping) and isinstance(present, Mapping):
            value = apply_override(present, value)
        merged[name] = value
    return merged


def _names(text: str) -> tuple[tuple[str, ...], str]:
    """The names of a comma list, and what is wrong with it."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    problem = ""
    if not all(names):
        problem = "a model name is empty."
    elif len(names) > MAX_TARGETS:
        problem = f"more than {MAX_TARGETS} models."
    elif any(len(name) > MAX_MODEL_LENGTH for name in names):
        problem = f"a model name is longer than {MAX_MODEL_LENGTH} characters."
    return names, problem
