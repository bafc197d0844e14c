"""How a made-up call goes: answered, from the cache, throttled, failed, given up. Pure."""

import random
from typing import Any

from tallygate.infra.demo.history.catalogue import Model
from tallygate.schemas.call import Attempt

MS = 1000
SECOND = 1_000_000
CACHE_HIT_US = 1100
FAQ_ENDINGS = (("hit", 60), ("miss", 15), ("ok", 23), ("throttled", 1), ("unavailable", 1))
"""Of questions that many ask in the same words: what a cache is for."""


def ending(model: Model, load: float, chance: random.Random, *, faq: bool) -> dict[str, Any]:
    """What a response event says of its end; the busier the hour, the more is throttled."""
    kinds = FAQ_ENDINGS if faq else _endings(load)
    kind = chance.choices([name for name, _ in kinds], [weight for _, weight in kinds])[0]
    latency_us = int(model.latency_ms * MS * chance.lognormvariate(0, 0.4))
    return _ENDINGS[kind](model, latency_us, load, chance)


def _endings(load: float) -> tuple[tuple[str, float], ...]:
    throttled = 0.4 + 4 * load**3
    return (
        ("ok", 95.0),
        ("miss", 2.0),
        ("throttled", throttled),
        ("retried", throttled),
        ("fell_back", 0.4),
        ("unavailable", 0.5),
        ("timeout", 0.2),
        ("invalid", 0.5),
        ("cancelled", 0.4),
        ("refused", 0.3),
    )


def _ok(model: Model, latency_us: int, load: float, chance: random.Random) -> dict[str, Any]:
    return {
        "status": 200,
        "outcome": "ok",
        "latency_us": latency_us,
        "ttft_us": int(latency_us * chance.uniform(0.1, 0.35)),
        "attempts": (_try(model, latency_us),),
        "rate_limit": remaining(model.provider, load, chance),
    }


def _miss(model: Model, latency_us: int, load: float, chance: random.Random) -> dict[str, Any]:
    return _ok(model, latency_us, load, chance) | {"cache": "miss"}


def _hit(_model: Model, _latency_us: int, _load: float, chance: random.Random) -> dict[str, Any]:
    latency_us = int(CACHE_HIT_US * chance.lognormvariate(0, 0.3))
    ended = {"status": 200, "outcome": "cache_hit", "cache": "hit"}
    return ended | {"latency_us": latency_us, "ttft_us": latency_us * 4 // 5, "attempts": ()}


def _retried(model: Model, latency_us: int, load: float, chance: random.Random) -> dict[str, Any]:
    """Throttled once, and answered a second later."""
    failed_us, delay_us = chance.randint(40, 90) * MS, chance.randint(900, 2500) * MS
    tries = (
        _try(model, failed_us, 429),
        _try(model, latency_us, after_us=failed_us + delay_us, delay_us=delay_us),
    )
    total_us = failed_us + delay_us + latency_us
    ttft_us = failed_us + delay_us + latency_us // 4
    return _ok(model, latency_us, load, chance) | {
        "latency_us": total_us,
        "ttft_us": ttft_us,
        "attempts": tries,
    }


def _fell_back(model: Model, latency_us: int, load: float, chance: random.Random) -> dict[str, Any]:
    """The first choice was down, the model that answered was the second."""
    failed_us = chance.randint(200, 900) * MS
    first = Attempt(
        provider="openai", model="gpt-5", status=503, error="status", started_at_us=0, latency_us=failed_us
    )
    tries = (first, _try(model, latency_us, after_us=failed_us))
    total_us = failed_us + latency_us
    return _ok(model, latency_us, load, chance) | {"latency_us": total_us, "attempts": tries}


def _throttled(model: Model, _latency_us: int, load: float, chance: random.Random) -> dict[str, Any]:
    latency_us = chance.randint(40, 120) * MS
    none_left = {
        name: "0" if "remaining" in name else value
        for name, value in remaining(model.provider, load, chance).items()
    }
    return {
        "status": 429,
        "outcome": "provider_error",
        "error_code": "rate_limit_exceeded",
        "error_message": f"Rate limit reached for {model.name}",
        "latency_us": latency_us,
        "ttft_us": latency_us,
        "attempts": (_try(model, latency_us, 429),),
        "rate_limit": none_left | {"retry-after": str(chance.randint(1, 30))},
    }


def _unavailable(model: Model, _latency_us: int, _load: float, chance: random.Random) -> dict[str, Any]:
    latency_us = chance.randint(300, 4000) * MS
    return _failed(model, latency_us, 503, "overloaded", f"{model.provider} is overloaded; try again")


def _invalid(model: Model, _latency_us: int, _load: float, chance: random.Random) -> dict[str, Any]:
    latency_us = chance.randint(60, 200) * MS
    return _failed(
        model, latency_us, 400, "context_length_exceeded", "This model's maximum context length is exceeded"
    )


def _timeout(model: Model, _latency_us: int, _load: float, _chance: random.Random) -> dict[str, Any]:
    failed = _failed(model, 60 * SECOND, 504, "timeout", "the provider did not answer in 60 s")
    return failed | {
        "outcome": "timeout",
        "ttft_us": None,
        "attempts": (_try(model, 60 * SECOND, 0, error="timeout"),),
    }


def _cancelled(model: Model, latency_us: int, _load: float, chance: random.Random) -> dict[str, Any]:
    """The caller left in the middle of a stream; what was used is estimated."""
    left_us = int(latency_us * chance.uniform(0.3, 0.9))
    return {
        "status": 499,
        "outcome": "client_cancelled",
        "error_code": "client_cancelled",
        "stream": True,
        "latency_us": left_us,
        "ttft_us": left_us // 3,
        "attempts": (_try(model, left_us),),
    }


def _refused(_model: Model, _latency_us: int, _load: float, chance: random.Random) -> dict[str, Any]:
    """By the gateway itself, before any provider."""
    status, code, message = chance.choice(_REFUSALS)
    ended = {"status": status, "outcome": "rejected", "error_code": code, "error_message": message}
    return ended | {"provider": "", "latency_us": chance.randint(300, 900), "ttft_us": None, "attempts": ()}


_REFUSALS = (
    (429, "rate_limited", "the limit of 600 requests a minute is reached"),
    (402, "budget_exceeded", "the budget of this key is spent"),
    (403, "model_not_allowed", "this key may not use this model"),
)
_ENDINGS = {
    "ok": _ok,
    "miss": _miss,
    "hit": _hit,
    "retried": _retried,
    "fell_back": _fell_back,
    "throttled": _throttled,
    "unavailable": _unavailable,
    "invalid": _invalid,
    "timeout": _timeout,
    "cancelled": _cancelled,
    "refused": _refused,
}


def _failed(model: Model, latency_us: int, status: int, code: str, message: str) -> dict[str, Any]:
    return {
        "status": status,
        "outcome": "provider_error",
        "error_code": code,
        "error_message": message,
        "latency_us": latency_us,
        "ttft_us": latency_us,
        "attempts": (_try(model, latency_us, status),),
    }


def _try(
    model: Model,
    latency_us: int,
    status: int = 200,
    *,
    after_us: int = 0,
    delay_us: int = 0,
    error: str | None = None,
) -> Attempt:
    """A try that began so long after the call."""
    return Attempt(
        provider=model.provider,
        model=model.name,
        status=status,
        error=error if error is not None else "status" if status >= 400 else "",
        started_at_us=after_us,
        latency_us=latency_us,
        delay_us=delay_us,
    )


def remaining(provider: str, load: float, chance: random.Random) -> dict[str, str]:
    """The provider's rate-limit headers, in its own words; not every provider has some."""
    left = 1 - load * chance.uniform(0.5, 1)
    if provider == "anthropic":
        return {
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": str(int(4000 * left)),
            "anthropic-ratelimit-tokens-limit": "2000000",
            "anthropic-ratelimit-tokens-remaining": str(int(2_000_000 * left)),
        }
    if provider not in ("openai", "groq", "xai"):
        return {}
    return {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": str(int(10_000 * left)),
        "x-ratelimit-limit-tokens": "5000000",
        "x-ratelimit-remaining-tokens": str(int(5_000_000 * left)),
        "x-ratelimit-reset-requests": f"{chance.randint(1, 60)}s",
    }
