"""Alerts and deliveries for tests."""

import itertools
import uuid
from typing import Any

from tallygate.schemas.deliveries import Claimed, Outgoing, Reach, of_alert
from tallygate.schemas.records import Alert
from tests.support.factories import NOV_2026_US

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_numbers = itertools.count(1)


def alert(**fields: Any) -> Alert:
    """An alert of a day's cost; another one each time."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "alert_id": str(uuid.UUID(int=number)),
        "project": "default",
        "budget_id": "rule_1",
        "name": "Growth, daily",
        "metric": "cost",
        "period_start_us": NOV_2026_US,
        "period_end_us": NOV_2026_US + 86_400_000_000,
        "threshold": 40_000_000_000,
        "threshold_percent": 80,
        "limit": 50_000_000_000,
        "value": 40_100_000_000,
        "state": "firing",
        "window": "day",
        "requests": 1234,
        "raised_at_us": NOV_2026_US + number * 1_000_000,
    }
    return Alert(**(defaults | fields))


def outgoing(**fields: Any) -> Outgoing:
    """What to tell of such an alert."""
    made = of_alert(alert(**fields))
    assert made is not None
    return made


def claimed(reach: Reach | None, **fields: Any) -> Claimed:
    """A delivery of such an alert to a channel."""
    made = outgoing()
    defaults: dict[str, Any] = {
        "delivery_id": "dlv_1",
        "project": "default",
        "channel_id": "chan_1",
        "kind": "alert",
        "payload": made.payload,
        "tries": 0,
        "begun_us": made.at_us,
    }
    return Claimed(**(defaults | fields), reach=reach)
