"""What webhooks are sent: the body of each kind, as receivers parse it."""

from typing import Literal

from tallygate.schemas.model import Record
from tallygate.schemas.records import Alert, Call


class AlertWebhook(Record):
    """A rule's threshold was crossed, or is no longer."""

    type: Literal["alert.firing", "alert.resolved"]
    timestamp: str
    """When it happened, in ISO 8601."""
    data: Alert


class CallWebhook(Record):
    """A call has ended and is priced."""

    type: Literal["call.completed"] = "call.completed"
    timestamp: str
    """When the call ended, in ISO 8601."""
    data: Call
    """Its texts are empty unless the call webhook includes bodies."""


class Ping(Record):
    """What a test tells."""

    project: str
    channel_id: str
    message: str


class PingWebhook(Record):
    """Somebody tests the channel."""

    type: Literal["channel.test"] = "channel.test"
    timestamp: str
    data: Ping


Payload = AlertWebhook | CallWebhook | PingWebhook
