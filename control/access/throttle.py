"""How often somebody may try to sign in. Pure: `now` is given, in seconds of a clock that never goes back.

An attempt is counted before its password is looked at, so that many at once are no more than many in a row;
a right one is given back. Who guesses is slowed down per account from an address first, so that nobody can
keep a user out from elsewhere with a handful of requests; then per account, and per address.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

MOST_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """A bucket: so many at once, and one more each so many seconds."""

    burst: int
    refill_s: float


BY_PAIR = Allowance(5, 60.0)
"""An account from an address."""
BY_ACCOUNT = Allowance(50, 36.0)
BY_ADDRESS = Allowance(30, 10.0)


class Throttle:
    """Counts attempts, in this process."""

    def __init__(self) -> None:
        # Key → time at which the bucket is full again; least recently used first.
        self._full_at: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def attempt(self, account: str, address: str, now: float) -> float:
        """Count an attempt and return 0; or the seconds to wait if there were too many, uncounted."""
        buckets = _buckets(account, network_of(address))
        wait = max(self._wait(key, allowance, now) for key, allowance in buckets)
        if wait > 0:
            return wait
        for key, allowance in buckets:
            self._full_at[key] = max(self._full_at.get(key, 0.0), now) + allowance.refill_s
            self._full_at.move_to_end(key)
        while len(self._full_at) > MOST_KEPT:
            self._full_at.popitem(last=False)
        return 0.0

    def succeeded(self, account: str, address: str) -> None:
        """Give an attempt back: it was no guess."""
        for key, allowance in _buckets(account, network_of(address)):
            if key in self._full_at:
                self._full_at[key] -= allowance.refill_s

    def _wait(self, key: tuple[str, ...], allowance: Allowance, now: float) -> float:
        # Full in `burst` refills: none is left now.
        return self._full_at.get(key, 0.0) - now - (allowance.burst - 1) * allowance.refill_s


def _buckets(account: str, network: str) -> Sequence[tuple[tuple[str, ...], Allowance]]:
    return (
        (("pair", account, network), BY_PAIR),
        (("account", account), BY_ACCOUNT),
        (("address", network), BY_ADDRESS),
    )


def network_of(address: str) -> str:
    """What one subscriber can vary is one: of IPv6 the first half."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
