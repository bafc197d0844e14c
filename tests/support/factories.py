"""Valid events and records; every field can be given."""

import itertools
import uuid
from typing import Any

from tallygate.schemas.call import Attempt, Origin
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.records import Alert, Call

NOV_2026_US = 1_794_000_000_000_000
"""2026-11-06 21:20:00 UTC."""

_numbers = itertools.count(1)


def _context(number: int) -> dict[str, Any]:
    return {
        "request_id": str(uuid.UUID(int=number)),
        "project": "default",
        "user_id": f"user-{number % 7}",
        "properties": {"Feature": f"feature-{number % 3}"},
        "method": "POST",
        "path": "/v1/chat/completions",
        "endpoint": "chat/completions",
        "model_requested": "gpt-4o-mini",
        "received_at_us": NOV_2026_US + number * 1_000_000,
        "origin": Origin(edge_id="edge-a", seq=number),
    }


def _result(context: dict[str, Any]) -> dict[str, Any]:
    received_at_us = context["received_at_us"]
    attempt = Attempt(
        provider="openai",
        model="gpt-4o-mini",
        status=200,
        started_at_us=received_at_us + 500,
        latency_us=800_000,
    )
    return {
        "provider": "openai",
        "model": "gpt-4o-mini-2024-07-18",
        "status": 200,
        "outcome": "ok",
        "ended_at_us": received_at_us + 812_345,
        "latency_us": 812_345,
        "ttft_us": 210_000,
        "attempts": (attempt,),
        "rate_limit": {"x-ratelimit-remaining-requests": "499"},
    }


def request_event(**fields: Any) -> RequestEvent:
    """A request event; numbers, ids and times are new each time."""
    number = next(_numbers)
    defaults = _context(number) | {"event_id": str(uuid.UUID(int=2**64 + number)), "request_bytes": 120}
    return RequestEvent(**(defaults | fields))


def response_event(**fields: Any) -> ResponseEvent:
    """A response event with OpenAI's usage of 12 + 5 tokens."""
    number = next(_numbers)
    context = _context(number) | {
        "event_id": str(uuid.UUID(int=2**65 + number)),
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
        "usage_flavor": "openai.chat",
    }
    merged = context | fields
    return ResponseEvent(**(_result(merged) | merged))


def call(**fields: Any) -> Call:
    """A priced call of 12 + 5 tokens of gpt-4o-mini."""
    context = _context(next(_numbers)) | {
        "input_tokens": 12,
        "output_tokens": 5,
        "token_source": "provider",
        "priced": True,
        "cost_nanos": 4_800,
        "input_cost_nanos": 1_800,
        "output_cost_nanos": 3_000,
        "price_ref": "genai-prices/0.2.3 openai/gpt-4o-mini",
        "prompt": '{"messages":[{"role":"user","content":"Hello"}]}',
        "response": '{"choices":[{"message":{"role":"assistant","content":"Hi"}}]}',
        "prompt_bytes": 48,
        "response_bytes": 61,
    }
    merged = context | fields
    return Call(**(_result(merged) | merged))


def alert(**fields: Any) -> Alert:
    """A fired alert of a hundred dollars a day."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "alert_id": str(uuid.UUID(int=2**66 + number)),
        "project": "default",
        "budget_id": "rule_1",
        "name": "Daily spend",
        "metric": "cost",
        "period_start_us": NOV_2026_US,
        "period_end_us": NOV_2026_US + 86_400_000_000,
        "threshold": 100_000_000_000,
        "limit": 100_000_000_000,
        "window": "day",
        "value": 100_000_000_001,
        "state": "firing",
        "raised_at_us": NOV_2026_US + number * 1_000_000,
        "requests": 7,
    }
    return Alert(**(defaults | fields))
