"""What counts as the open internet. The long table of single addresses is in tests/egress/test_policy.py."""

import ipaddress

import pytest

from freespan.wire.addresses import is_private_url, is_public


@pytest.mark.parametrize("address", ["9.9.9.9", "1.1.1.1", "2620:fe::fe", "2a00:1450:4001::1", "64:ff9b::808:808"])
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "224.0.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "ff02::1",
        "::",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://127.0.0.1:8787", True),
        ("http://localhost:8787", True),
        ("http://host.localhost", True),
        ("http://Printer.Local:8787", True),
        ("http://localhost.", True),
        ("http://local.example", False),
        ("http://192.168.1.7:8787", True),
        ("http://[fd00::7]:8787", True),
        ("https://bridge.example.org", False),
        ("https://9.9.9.9", False),
        ("https://[2620:fe::fe]", False),
    ],
)
def test_private_urls(url: str, private: bool) -> None:
    assert is_private_url(url) is private
