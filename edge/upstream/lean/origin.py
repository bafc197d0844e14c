"""Where a URL leads, and what it asks for there. Pure."""

import re
from functools import lru_cache
from typing import NamedTuple

from tallygate.edge.upstream.base import UpstreamProtocolError

_URL = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?(/[!\"$-~]*)?(\?[!\"$-~]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A server. Connections are shared by calls to the same origin only."""

    tls: bool
    host: str
    """To connect to, and the name that its certificate must bear; an IPv6 address has no brackets."""
    port: int
    header: bytes
    """The value of `Host`."""


def split(url: str) -> tuple[Origin, bytes]:
    """The origin and the request target of an absolute, encoded URL.

    Raises:
        UpstreamProtocolError: it is not such a URL. The message does not repeat it: it may carry a key.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise UpstreamProtocolError("not an address that can be called")
    scheme, host, port, path, query = match.groups()
    return _origin(scheme.lower(), host.lower(), port), f"{path or '/'}{query or ''}".encode()


@lru_cache(maxsize=256)
def _origin(scheme: str, host: str, port_text: str | None) -> Origin:
    default = _PORTS[scheme]
    port = int(port_text) if port_text else default
    if not 0 < port < 1 << 16:
        raise UpstreamProtocolError("not an address that can be called")
    header = host if port == default else f"{host}:{port}"
    return Origin(scheme == "https", host.strip("[]").rstrip("."), port, header.encode())
