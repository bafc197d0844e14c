"""Signatures of webhooks as the Standard Webhooks specification has them (version 1.0, symmetric). Pure."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - the specification's


def signed_headers(delivery_id: str, at_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of a webhook.

    Args:
        delivery_id: the same over all tries, so that a receiver knows what it has had.
        at_s: the time of this try, in seconds since the epoch.
        secrets: `whsec_…`; of several, while one is being replaced, each signs.
    """
    signed = f"{delivery_id}.{at_s}.".encode() + body
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
