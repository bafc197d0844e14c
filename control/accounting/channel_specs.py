"""What may be asked of channels and of call webhooks."""

import base64
import binascii
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from tallygate.control.accounting.rule_specs import ChannelId
from tallygate.control.specs import Name, ProjectId, Spec
from tallygate.schemas.filters import Filter

SIGNING_PREFIX = "whsec_"
_MAX_URL_CHARS = 2048
_MIN_KEY_BYTES, _MAX_KEY_BYTES = 24, 64
"""Of a signing key, as the Standard Webhooks specification asks."""


def _receiver(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if len(url) > _MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"must be at most {_MAX_URL_CHARS} ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        port_ok = parts.port != 0
    except ValueError:
        port_ok = False
    if not port_ok or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be http(s)://host[:port]/path")
    if "@" in parts.netloc or "#" in url:
        raise ValueError("must have no user, password or fragment")
    return value


def _signing_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(SIGNING_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SIGNING_PREFIX) or not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ValueError(f"must be {SIGNING_PREFIX} and {_MIN_KEY_BYTES} to {_MAX_KEY_BYTES} bytes in base64")
    return value


HookId = Annotated[str, StringConstraints(pattern=r"^hook_[0-9a-f]{32}$")]
Receiver = Annotated[SecretStr, AfterValidator(_receiver)]
"""A URL, which may hold a secret: it is never shown again."""
SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]
Address = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$"
    ),
]
Addresses = Annotated[tuple[Address, ...], Field(min_length=1, max_length=50)]
Events = Literal["alerts", "calls"]
Sample = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class NewChannel(Spec):
    """A channel to make."""

    project: ProjectId
    name: Name
    kind: Literal["webhook", "slack", "email"]
    events: Events = "alerts"
    url: Receiver | None = None
    """Of `webhook` and `slack`."""
    signing_secret: SigningSecret | None = None
    """Of `webhook`; else one is made."""
    addresses: Addresses | None = None
    """Of `email`."""
    enabled: bool = True


class ChannelPatch(Spec):
    """Changes of a channel. Its kind and what it takes stay: rules and call webhooks count on them."""

    name: Name = ""
    url: Receiver = SecretStr("")
    addresses: Addresses = ()
    enabled: bool = True


class NewHook(Spec):
    """A call webhook to make."""

    project: ProjectId
    name: Name
    channel_id: ChannelId
    filter: Filter | None = None
    sample_percent: Sample = 100
    include_bodies: bool = False
    enabled: bool = True


class HookPatch(Spec):
    """Changes of a call webhook."""

    name: Name = ""
    channel_id: ChannelId = ""
    filter: Filter | None = None
    sample_percent: Sample = 100
    include_bodies: bool = False
    enabled: bool = True
