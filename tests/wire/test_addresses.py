"""What is an address, and what counts as the open internet; bridge/addresses.js is held to the same vectors."""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.addresses import Address, address_text, is_end, is_private_url, is_public, parse_address

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "addresses.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["texts"], ids=lambda vector: ascii(vector["text"]))
def test_texts(vector: dict[str, Any]) -> None:
    address = parse_address(vector["text"])
    found = None if address is None else address_text(address)
    assert found == vector["address"]
    assert (address is not None and is_public(address)) is vector["public"]
    assert (address is not None and is_end(address)) is vector["end"]


@given(st.ip_addresses())
def test_an_address_is_read_as_it_is_written(address: Address) -> None:
    assert parse_address(address_text(address)) == address
    assert parse_address(address.exploded) == address
    assert address_text(address) == address.compressed or (address.version == 6 and "." in address.compressed)


@given(st.text() | st.ip_addresses().map(str))
def test_nothing_is_an_address_that_the_standard_library_does_not_take_for_the_same(text: str) -> None:
    address = parse_address(text)
    assert address is None or address == ipaddress.ip_address(text)


def edges(network: str) -> tuple[Address, Address]:
    parsed = ipaddress.ip_network(network)
    return parsed[0], parsed[-1]


@pytest.mark.parametrize("row", VECTORS["registries"] + VECTORS["others"], ids=lambda row: row["network"])
def test_the_special_purpose_registries(row: dict[str, Any]) -> None:
    """`closed`: a part of a network that is closed as a whole, though the registry calls some of it reachable."""
    expected = row["globally_reachable"] is True and not row["closed"]
    for address in edges(row["network"]):
        if row["network"] not in ("64:ff9b::/96", "::ffff:0:0/96"):  # there the IPv4 address decides
            assert is_public(address) is expected
            assert is_end(address) is expected


def test_the_ipv4_address_in_another_decides() -> None:
    for prefix in ("64:ff9b::", "::ffff:"):
        assert is_public(ipaddress.ip_address(f"{prefix}9.9.9.9"))
        assert not is_end(ipaddress.ip_address(f"{prefix}9.9.9.9"))
        for row in VECTORS["registries"]:
            if ":" not in row["network"]:
                start = edges(row["network"])[0]
                assert is_public(ipaddress.ip_address(f"{prefix}{start}")) is is_public(start)


@pytest.mark.parametrize("row", VECTORS["registries"], ids=lambda row: row["network"])
def test_what_is_beside_a_special_network_is_judged_for_itself(row: dict[str, Any]) -> None:
    networks = [ipaddress.ip_network(each["network"]) for each in VECTORS["registries"] + VECTORS["others"]]
    first, last = (int(address) for address in edges(row["network"]))
    for number in (first - 1, last + 1):
        if 0 <= number < 1 << edges(row["network"])[0].max_prefixlen:
            address = type(edges(row["network"])[0])(number)
            if not any(address in network for network in networks):
                assert is_public(address) is (address.version == 4 or number >> 125 == 1)


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
        ("http://[fe80::7%25eth0]:8787", True),
        ("http://[::ffff:127.0.0.1]:8787", True),
        ("https://bridge.example.org", False),
        ("https://9.9.9.9", False),
        ("https://[2620:fe::fe]", False),
    ],
)
def test_private_urls(url: str, private: bool) -> None:
    assert is_private_url(url) is private
