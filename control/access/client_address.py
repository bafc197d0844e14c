"""From where a request comes, through reverse proxies. Pure."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, forwarded: Iterable[str], trusted: Sequence[Network]) -> str:
    """The address nearest to us that is no trusted proxy's.

    Args:
        peer: who is connected.
        forwarded: values of `X-Forwarded-For`: each proxy has added at its end whom it was connected
            to; what comes before an untrusted one may be made up.
        trusted: networks of our own proxies.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    address = peer
    while hops and _is_in(address, trusted):
        address = hops.pop()
    return address


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
