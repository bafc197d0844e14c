"""Which addresses may be called."""

import pytest

from tallygate.stream_processors.notify.addresses import AddressGuard

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2001:0:808:808:0:0:80ff:fffe",  # Teredo of 127.0.0.1
    "2001:db8::1",
    "2001:10::1",
    "3fff::1",
    "2a00:1450::200:5efe:7f00:1",
    "2a00:1450::5efe:a00:1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
    "5f00::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert AddressGuard().allows(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_others_are_not(address: str) -> None:
    assert not AddressGuard().allows(address)


@pytest.mark.parametrize(
    "address", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "8.8.8.8/32"]
)
def test_what_is_no_address_is_not_allowed(address: str) -> None:
    assert not AddressGuard().allows(address)


def test_the_operator_may_allow_networks() -> None:
    guard = AddressGuard(["10.1.0.0/16", "fd00::/8", "127.0.0.1"])
    assert guard.allows("10.1.255.1")
    assert guard.allows("::ffff:10.1.0.1")
    assert guard.allows("fd00::5")
    assert guard.allows("127.0.0.1")
    assert not guard.allows("127.0.0.2")
    assert not guard.allows("10.2.0.1")
    assert not guard.allows("169.254.169.254")


def test_a_network_is_written_exactly() -> None:
    for text in ("10.0.0.1/8", "10.0.0.0/33", "private", ""):
        with pytest.raises(ValueError, match=r"."):
            AddressGuard([text])
