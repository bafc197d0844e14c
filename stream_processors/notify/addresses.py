"""Which addresses deliveries may go to: those of the public internet, and networks that the operator allows.

Whoever sets a webhook's URL must not make this process call what only it can reach: its own machine, its
network, its cloud's metadata service. Names are no help: what counts is the address that is connected to.
Pure.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def _v4(*networks: str) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(network) for network in networks)


def _v6(*networks: str) -> tuple[IPv6Network, ...]:
    return tuple(IPv6Network(network) for network in networks)


# IANA's registries of special-purpose addresses, kept here: `ipaddress.is_global` differs between releases
# of Python, and takes addresses that stand for others (NAT64, 6to4) for public.
NOT_PUBLIC_V4 = _v4(
    "0.0.0.0/8",  # "this network"; 0.0.0.0 connects to this machine
    "10.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT; also a cloud's metadata service
    "127.0.0.0/8",
    "169.254.0.0/16",  # link-local; most clouds' metadata services
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
PUBLIC_V6 = IPv6Network("2000::/3")
"""All that is given out for the public internet; loopback, link-local, unique local and multicast are not
in it."""
NOT_PUBLIC_V6 = _v6(
    "2001:2::/48",  # benchmarks
    "2001:10::/28",  # ORCHID
    "2001:20::/28",
    "2001:db8::/32",
    "3fff::/20",
)
TEREDO = IPv6Network("2001::/32")
SIX_TO_FOUR = IPv6Network("2002::/16")
STANDING_FOR_V4 = _v6(
    "::/96",  # IPv4-compatible
    "::ffff:0:0/96",  # IPv4-mapped
    "::ffff:0:0:0/96",  # IPv4-translated
    "64:ff9b::/96",  # NAT64
)
"""Prefixes of IPv6 addresses whose last 32 bits are an IPv4 address. Other NAT64 prefixes are a network's
own, and not in `PUBLIC_V6` if they are `64:ff9b:1::/48`."""
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""Of an address's third quarter: the last one is an IPv4 address."""


class AddressGuard:
    """Decides by address."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Args:
        allowed: networks in CIDR notation, or addresses, that may be called although they are not public.

        Raises:
            ValueError: one is none; host bits that are set are a mistake.
        """
        self._allowed = tuple(ip_network(network) for network in allowed)

    def allows(self, address: str) -> bool:
        """Whether an address, as a resolver or a socket names it, may be connected to."""
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        meant = _meant(found)
        return any(meant in network for network in self._allowed) or _is_public(meant)


def _meant(address: Address) -> Address:
    """The address that is reached in the end."""
    if isinstance(address, IPv6Address):
        bits = int(address)
        if any(address in network for network in STANDING_FOR_V4) and bits > 1:
            return IPv4Address(bits & 0xFFFF_FFFF)
        if address in SIX_TO_FOUR:
            return IPv4Address(bits >> 80 & 0xFFFF_FFFF)
        if address in TEREDO:  # written with its bits turned over
            return IPv4Address(~bits & 0xFFFF_FFFF)
        if bits >> 32 & 0xFFFF_FFFF in ISATAP:
            return IPv4Address(bits & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_V4)
    return address in PUBLIC_V6 and not any(address in network for network in NOT_PUBLIC_V6)
