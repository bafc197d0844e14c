"""Whether a request was made by a page of our own. Pure.

A browser sends our cookie with what the pages of other sites ask too. What such a page can't do is hide where
it comes from: browsers say `Sec-Fetch-Site` on https and on this machine, and `Origin` with whatever changes
something.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from tallygate.runtime.loopback import is_loopback


def origin_of(url: str) -> str:
    """The origin of an address, as browsers write it in `Origin`."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_own_page(headers: Mapping[str, str], own_origins: frozenset[str]) -> bool:
    """Whether the headers prove that one of our pages asks; nothing said is no proof."""
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if origin is not None and origin not in own_origins:
        return False
    if site is not None:
        return site == "same-origin"
    return origin is not None


def is_safe(url: str) -> bool:
    """Whether an address is encrypted, or this machine's."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    )
