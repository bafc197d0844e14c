"""One try of one delivery: rendered for its channel, signed, sent."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import TypeAdapter

from tallygate.schemas.deliveries import Claimed, Reach
from tallygate.schemas.webhooks import Payload
from tallygate.stream_processors.notify.http import GuardedClient
from tallygate.stream_processors.notify.mail import mail_of
from tallygate.stream_processors.notify.outcome import Outcome
from tallygate.stream_processors.notify.signature import signed_headers
from tallygate.stream_processors.notify.slack import slack_body
from tallygate.stream_processors.notify.smtp import Mailer

JSON_HEADERS = {"Content-Type": "application/json", "User-Agent": "Tallygate-Webhook/1"}
_PAYLOADS: TypeAdapter[Payload] = TypeAdapter(Payload)


class Sender:
    """Sends to webhooks, Slack and mail servers."""

    def __init__(
        self, client: GuardedClient, mailer: Mailer, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` tells seconds since the epoch."""
        self._client = client
        self._mailer = mailer
        self._clock = clock

    async def send(self, delivery: Claimed) -> Outcome:
        """Try a delivery; never raises for what a receiver or the network does."""
        reach = delivery.reach
        if reach is None:
            return Outcome("refused", error="the channel is gone, or its secrets can't be opened")
        if not reach.enabled:
            return Outcome("refused", error="the channel is turned off")
        match reach.kind:
            case "webhook":
                return await self._webhook(delivery, reach)
            case "slack":
                return await self._client.post(
                    reach.url, slack_body(_PAYLOADS.validate_json(delivery.payload)), JSON_HEADERS
                )
            case "email":
                return await self._mail(delivery, reach)

    async def _webhook(self, delivery: Claimed, reach: Reach) -> Outcome:
        body = delivery.payload.encode()
        signed = signed_headers(delivery.delivery_id, int(self._clock()), body, reach.signing_secrets)
        return await self._client.post(reach.url, body, JSON_HEADERS | signed)

    async def _mail(self, delivery: Claimed, reach: Reach) -> Outcome:
        message = mail_of(
            _PAYLOADS.validate_json(delivery.payload),
            delivery.delivery_id,
            sender=self._mailer.sender,
            addresses=reach.addresses,
            now=datetime.fromtimestamp(self._clock(), UTC),
        )
        return await self._mailer.send(message)
