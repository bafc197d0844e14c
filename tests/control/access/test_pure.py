"""What is decided without looking anywhere: roles, origins, addresses, attempts."""

import ipaddress
from itertools import pairwise

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tallygate.control.access.client_address import client_address
from tallygate.control.access.needs import Need, need_of, needs
from tallygate.control.access.origin import is_own_page, is_safe, origin_of
from tallygate.control.access.throttle import BY_ACCOUNT, BY_ADDRESS, BY_PAIR, MOST_KEPT, Throttle, network_of
from tallygate.control.roles import Role

OWN = frozenset({"https://tallygate.example"})


def test_each_role_may_what_the_one_before_may() -> None:
    for lower, higher in pairwise(Role):
        assert higher.covers(lower)
        assert not lower.covers(higher)
    assert all(role.covers(role) for role in Role)


async def unmarked(_request: web.Request) -> web.Response:
    return web.Response()


@needs(Need.NOTHING)
async def marked(_request: web.Request) -> web.Response:
    return web.Response()


def test_a_route_that_nobody_thought_about_is_not_open() -> None:
    assert need_of("GET", unmarked) is Need.VIEWER
    assert need_of("HEAD", unmarked) is Need.VIEWER
    for method in ("POST", "PUT", "PATCH", "DELETE", "BREW"):
        assert need_of(method, unmarked) is Need.MEMBER
    assert need_of("POST", marked) is Need.NOTHING


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://tallygate.example/", "https://tallygate.example"),
        ("https://Tallygate.Example:443", "https://tallygate.example"),
        ("https://tallygate.example:8443", "https://tallygate.example:8443"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://[::1]:8081", "http://[::1]:8081"),
        ("http://localhost:80", "http://localhost"),
    ],
)
def test_origins_are_written_as_browsers_do(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"Origin": "https://tallygate.example"}, True),
        ({"Origin": "https://tallygate.example", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://tallygate.example"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://tallygate.example.evil"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://tallygate.example", "Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
    ],
)
def test_what_proves_that_one_of_our_pages_asks(headers: dict[str, str], own: bool) -> None:
    assert is_own_page(headers, OWN) is own


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example", True),
        ("http://127.0.0.1:9", True),
        ("http://id.example", False),
        ("ftp://id.example", False),
        ("https://", False),
        ("", False),
    ],
)
def test_addresses_that_nobody_can_listen_in_on(url: str, safe: bool) -> None:
    assert is_safe(url) is safe


PROXIES = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.0.0.0/24"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # no proxy of ours: made up
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("127.0.0.1", ["10.0.0.7"], "10.0.0.7"),
        ("127.0.0.1", ["unknown"], "unknown"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_a_clients_address_behind_proxies(peer: str, forwarded: list[str], address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_one_subscribers_addresses_are_one() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9")
    assert network_of("2001:db8:1:2::9") != network_of("2001:db8:1:3::9")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("unknown") == "unknown"


def tries(throttle: Throttle, accounts: list[str], addresses: list[str], now: float) -> int:
    """How many attempts are let through."""
    return sum(throttle.attempt(account, address, now) == 0 for account in accounts for address in addresses)


def test_an_account_from_one_address() -> None:
    throttle = Throttle()
    assert tries(throttle, ["ann"] * 20, ["192.0.2.1"], 100.0) == BY_PAIR.burst
    assert 0 < throttle.attempt("ann", "192.0.2.1", 100.0) <= BY_PAIR.refill_s
    assert throttle.attempt("ann", "192.0.2.2", 100.0) == 0  # its owner, elsewhere
    assert throttle.attempt("ann", "192.0.2.1", 100.0 + BY_PAIR.refill_s) == 0
    assert throttle.attempt("ann", "192.0.2.1", 100.0 + BY_PAIR.refill_s) > 0


def test_an_account_from_many_addresses() -> None:
    assert tries(Throttle(), ["ann"], [f"192.0.2.{n}" for n in range(200)], 5.0) == BY_ACCOUNT.burst


def test_many_accounts_from_an_address() -> None:
    assert tries(Throttle(), [f"user-{n}" for n in range(200)], ["192.0.2.1"], 5.0) == BY_ADDRESS.burst


def test_right_ones_are_given_back() -> None:
    throttle = Throttle()
    for _ in range(100):
        assert throttle.attempt("ann", "192.0.2.1", 7.0) == 0
        throttle.succeeded("ann", "192.0.2.1")
    throttle.succeeded("nobody", "192.0.2.9")


def test_its_memory_is_bounded() -> None:
    throttle = Throttle()
    for n in range(MOST_KEPT):
        throttle.attempt(f"user-{n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1.0)
    assert len(throttle._full_at) <= MOST_KEPT


@given(st.lists(st.floats(0, 300), min_size=1, max_size=60))
def test_never_more_than_the_burst_and_what_was_refilled(times: list[float]) -> None:
    throttle = Throttle()
    let = [now for now in sorted(times) if throttle.attempt("ann", "192.0.2.1", now) == 0]
    for first in range(len(let)):
        for last in range(first, len(let)):
            refilled = (let[last] - let[first]) / BY_PAIR.refill_s
            assert last - first + 1 <= BY_PAIR.burst + refilled + 1e-6
