"""Addresses that are this machine's alone."""

import pytest

from tallygate.runtime.loopback import is_loopback, is_loopback_authority


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.255.0.9", "::1"]
)
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert is_loopback_authority(f"[{host}]:8081" if ":" in host else f"{host}:8081")


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example", "2130706433", "127.1", "a b"],
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
    assert not is_loopback_authority(host)


@pytest.mark.parametrize(
    "authority",
    ["me@127.0.0.1", "127.0.0.1/path", "localhost?x", "localhost#x", "[::1", "[::1]x", "::1", "//localhost"],
)
def test_what_is_no_plain_authority(authority: str) -> None:
    assert not is_loopback_authority(authority)
