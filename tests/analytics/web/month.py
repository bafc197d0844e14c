"""Two months of a small company's calls, made up from a seed, at real prices. For screenshots."""

import json
import math
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tallygate.schemas.call import Attempt, Body, Origin
from tallygate.schemas.records import Call
from tallygate.stream_processors.pricing.pricer import Pricer
from tests.support.factories import response_event

DAYS = 61
CALLS = 16_000
MODELS = (
    ("openai", "gpt-5", 16, 1500),
    ("openai", "gpt-5-mini", 26, 900),
    ("openai", "gpt-4o-mini", 18, 700),
    ("anthropic", "claude-sonnet-4-5", 16, 1300),
    ("anthropic", "claude-haiku-4-5", 12, 600),
    ("google", "gemini-2.5-pro", 8, 1900),
    ("google", "gemini-2.5-flash", 14, 400),
)
"""Provider, model, share of the calls, usual latency in ms."""
USERS = ("ada", "grace", "linus", "margaret", "katherine", "alan", "barbara", "edsger", "radia", "donald")
TEAMS = ("research", "platform", "support")
FEATURES = ("literature-search", "code-review", "ticket-answers", "translation")
STEPS = ("plan", "search", "search/read", "write")
QUESTIONS = (
    "Summarise this ticket in two sentences: the export fails for accounts with more than a thousand rows.",
    "Review this function for mistakes: def total(rows): return sum(row.cost for row in rows if row.priced)",
    "Translate into French: Every call is counted exactly once, whatever was restarted in between.",
    "Which papers of the last year compare gateways for language models by added latency?",
)
ANSWER = (
    "The export stops at a thousand rows because the page size is also used as the limit of the whole query. "
    "Reading page by page until an empty one comes back solves it, and keeps memory flat."
)


def month(now: datetime, seed: int = 7) -> Iterator[Call]:
    """Calls of the days before `now`, more on working days and in the afternoon, the oldest first."""
    chance = random.Random(seed)
    pricer = Pricer()
    times = sorted(_time(now, chance) for _ in range(CALLS))
    seq = 0
    for number, at in enumerate(times):
        person = min(int(chance.expovariate(0.45)), len(USERS) - 1)
        session = str(uuid.UUID(int=chance.getrandbits(128), version=4)) if number % 20 == 0 else ""
        for step in STEPS if session else ("",):
            seq += 1
            at += timedelta(seconds=chance.uniform(2, 9)) if step else timedelta()
            yield pricer.price(
                response_event(**_fields(at, seq, chance, person) | _labels(person, session, step))
            )


def _time(now: datetime, chance: random.Random) -> datetime:
    while True:
        at = now - timedelta(days=chance.random() * DAYS)
        busy = (0.35 if at.weekday() >= 5 else 1.0) * (0.35 + 0.65 * math.exp(-(((at.hour - 14) / 5) ** 2)))
        growth = 1 - 0.4 * ((now - at) / timedelta(days=DAYS))
        if chance.random() < busy * growth:
            return at


def _fields(at: datetime, seq: int, chance: random.Random, person: int) -> dict[str, Any]:
    provider, model, _share, usual_ms = chance.choices(MODELS, [share for _, _, share, _ in MODELS])[0]
    asked, answered = int(chance.lognormvariate(7.6, 0.9)), int(chance.lognormvariate(5.6, 0.7))
    latency_us = int(usual_ms * 1000 * chance.lognormvariate(0, 0.45))
    question = chance.choice(QUESTIONS)
    received_us = int(at.astimezone(UTC).timestamp() * 1_000_000)
    ending = _ending(chance, provider)
    body = {"model": model, "messages": [{"role": "user", "content": question}], "temperature": 0.2}
    return {
        "request_id": str(uuid.UUID(int=(received_us // 1000 << 80) | 7 << 76 | 2 << 62 | seq)),
        "origin": Origin(edge_id="edge-a", seq=seq),
        "user_id": USERS[person],
        "provider": provider,
        "model": model,
        "model_requested": model,
        "received_at_us": received_us,
        "ended_at_us": received_us + latency_us,
        "latency_us": latency_us,
        "ttft_us": latency_us // 4,
        "usage": {"prompt_tokens": asked, "completion_tokens": answered},
        "request_body": _body(body),
        "response_body": _body({"choices": [{"message": {"role": "assistant", "content": ANSWER}}]}),
        "attempts": (_attempt(provider, model, received_us, latency_us, ending.get("status", 200)),),
        "rate_limit": _left(chance, provider, at),
        **ending,
    }


def _labels(person: int, session: str, step: str) -> dict[str, Any]:
    properties = {"Team": TEAMS[person % 3], "Feature": FEATURES[person % 4], "Environment": "production"}
    if not session:
        return {"properties": properties}
    properties |= {"Workflow": "research", "Step": step.rsplit("/", 1)[-1]}
    path = f"/{step}"
    return {
        "properties": properties,
        "session_id": session,
        "session_name": "research agent",
        "session_path": path,
    }


def _ending(chance: random.Random, provider: str) -> dict[str, Any]:
    drawn = chance.random()
    if drawn < 0.08:
        return {"cache": "hit", "outcome": "cache_hit", "latency_us": 900, "ttft_us": 700, "attempts": ()}
    if drawn < 0.25:
        return {"cache": "miss"}
    if drawn < 0.268:
        return {
            "outcome": "provider_error",
            "status": 429,
            "error_code": "rate_limit_exceeded",
            "usage": None,
        }
    if drawn < 0.278:
        message = f"{provider} is overloaded; try again"
        failed = {"outcome": "provider_error", "status": 503, "error_code": "overloaded", "usage": None}
        return failed | {"error_message": message}
    return {}


def _attempt(provider: str, model: str, at_us: int, latency_us: int, status: int) -> Attempt:
    error = "status" if status >= 400 else ""
    return Attempt(
        provider=provider, model=model, status=status, error=error, started_at_us=at_us, latency_us=latency_us
    )


def _left(chance: random.Random, provider: str, at: datetime) -> dict[str, str]:
    if provider == "google":
        return {}
    busy = math.exp(-(((at.hour - 14) / 4) ** 2))
    left = int(10_000 * (1 - 0.8 * busy * chance.uniform(0.6, 1)))
    if provider == "anthropic":
        return {
            "anthropic-ratelimit-requests-remaining": str(left // 2),
            "anthropic-ratelimit-requests-limit": "5000",
        }
    return {
        "x-ratelimit-remaining-requests": str(left),
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-tokens": str(left * 200),
        "x-ratelimit-limit-tokens": "2000000",
    }


def _body(value: dict[str, Any]) -> Body:
    text = json.dumps(value)
    return Body(text=text, size_bytes=len(text))
