"""Channels: what their kinds need, and how a URL that may hold a secret is shown."""

import base64
import secrets
from urllib.parse import urlsplit

from pydantic import SecretStr

from tallygate.control.accounting.channel_specs import SIGNING_PREFIX, ChannelPatch, NewChannel
from tallygate.control.errors import InvalidError
from tallygate.control.secrets import last4

_SIGNING_BYTES = 32


def new_signing_secret() -> SecretStr:
    """A webhook's signing secret, as the Standard Webhooks specification writes it."""
    return SecretStr(SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(_SIGNING_BYTES)).decode())


def shown(url: str) -> str:
    """A URL for people to recognise: its host, and of what is behind it, the tail."""
    parts = urlsplit(url)
    behind = url.partition(parts.netloc)[2]
    return f"{parts.scheme}://{parts.netloc}" + (f"/…{last4(behind)}" if len(behind) > 1 else "")


def check_new(new: NewChannel) -> None:
    """Check that a channel has what its kind needs, and nothing else.

    Raises:
        InvalidError: the message says what to change.
    """
    if new.events == "calls" and new.kind != "webhook":
        raise InvalidError("calls go to webhooks only", "events")
    needed, other = ("addresses", "url") if new.kind == "email" else ("url", "addresses")
    if getattr(new, needed) is None:
        raise InvalidError(f"is what a channel of kind {new.kind} needs", needed)
    if getattr(new, other) is not None:
        raise InvalidError(f"does not go with a channel of kind {new.kind}", other)
    if new.signing_secret is not None and new.kind != "webhook":
        raise InvalidError("only webhooks are signed", "signing_secret")


def check_patch(kind: str, changes: ChannelPatch) -> None:
    """Check that a change fits a channel of that kind.

    Raises:
        InvalidError: the message says what to change.
    """
    other = "url" if kind == "email" else "addresses"
    if other in changes.model_fields_set:
        raise InvalidError(f"does not go with a channel of kind {kind}", other)
