"""What a call's headers say about the cache. Pure."""

import re
from dataclasses import dataclass

from tallygate.edge.errors import GatewayError, invalid_header
from tallygate.edge.header_values import GatewayHeaders, flag, integer, text

DEFAULT_TTL_S = 7 * 86_400
MAX_TTL_S = 365 * 86_400
MAX_BUCKET = 20
MAX_SEED_LENGTH = 256
MAX_IGNORED = 64
_FIELD = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_SECONDS = re.compile(r'"?([0-9]{1,12})"?')


@dataclass(frozen=True, slots=True)
class Directives:
    """What to do with a call's answer."""

    read: bool = False
    save: bool = False
    ttl_s: int = DEFAULT_TTL_S
    max_age_s: int | None = None
    """Answers older than this are not wanted, however long they may be kept."""
    seed: str = ""
    bucket: int = 1
    ignore_keys: frozenset[str] = frozenset()

    @property
    def active(self) -> bool:
        """Whether the cache has anything to do with the call."""
        return self.read or self.save


def parse(headers: GatewayHeaders, cache_control: str | None) -> Directives:
    """Read the cache's headers.

    `Cache-Control` counts only where the cache is asked for: HTTP clients send it for reasons of their own.
    `no-store` neither reads nor saves; `no-cache` does not read but saves; an age of 0 does neither.

    Raises:
        GatewayError: 400 `invalid_header`.
    """
    enabled = flag(headers, "cache-enabled", default=False)
    read = flag(headers, "cache-read", default=enabled)
    save = flag(headers, "cache-save", default=enabled)
    seed = text(headers, "cache-seed") or ""
    if len(seed) > MAX_SEED_LENGTH:
        raise invalid_header(headers["cache-seed"].name, f"is longer than {MAX_SEED_LENGTH} characters.")
    bucket = integer(headers, "cache-bucket-max-size", default=1, low=1, high=MAX_BUCKET)
    ignored = _ignored(headers)
    if not (read or save):
        return Directives(seed=seed, bucket=bucket, ignore_keys=ignored)
    wanted = _cache_control(cache_control or "")
    age = _seconds(wanted)
    stored = "no-store" not in wanted and age != 0
    return Directives(
        read=read and stored and "no-cache" not in wanted,
        save=save and stored,
        ttl_s=DEFAULT_TTL_S if age is None else age,
        max_age_s=age,
        seed=seed,
        bucket=bucket,
        ignore_keys=ignored,
    )


def _ignored(headers: GatewayHeaders) -> frozenset[str]:
    raw = text(headers, "cache-ignore-keys")
    if raw is None:
        return frozenset()
    names = frozenset(name.strip() for name in raw.split(","))
    if len(names) > MAX_IGNORED or not all(_FIELD.fullmatch(name) for name in names):
        problem = f"must be at most {MAX_IGNORED} names of body fields, joined by commas."
        raise invalid_header(headers["cache-ignore-keys"].name, problem)
    return names


def _cache_control(value: str) -> dict[str, str]:
    """Directives by name, the first if one comes twice. Unknown ones mean nothing (RFC 9111, 5.2)."""
    found: dict[str, str] = {}
    for part in value.split(","):
        name, _, argument = part.strip().partition("=")
        found.setdefault(name.strip().lower(), argument.strip())
    return found


def _seconds(wanted: dict[str, str]) -> int | None:
    for name in ("s-maxage", "max-age"):
        if name in wanted:
            match = _SECONDS.fullmatch(wanted[name])
            if match is None or int(match[1]) > MAX_TTL_S:
                raise _bad_cache_control(name)
            return int(match[1])
    return None


def _bad_cache_control(name: str) -> GatewayError:
    return invalid_header("Cache-Control", f"{name} must be a whole number of seconds from 0 to {MAX_TTL_S}.")
