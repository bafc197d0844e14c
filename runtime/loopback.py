"""What can only be this machine: the guard of everything that is open without keys."""

import ipaddress
import re
from urllib.parse import urlsplit

AFTER_BRACKET = re.compile(r"\](:\d+)?$", re.ASCII)
"""`urlsplit` itself takes `[::1]anything`."""


def is_loopback(host: str) -> bool:
    """Whether a name or address is the loopback interface's. Names are not resolved."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_loopback_authority(authority: str) -> bool:
    """The same of a `Host` header's value, or of what follows `://` in an `Origin`."""
    try:
        parts = urlsplit(f"//{authority}")
        host = parts.hostname or ""
    except ValueError:
        return False
    bracketed = "[" not in authority or AFTER_BRACKET.search(authority) is not None
    return parts.netloc == authority and "@" not in authority and bracketed and is_loopback(host)
