"""What is an address, and what counts as the open internet; bridge/addresses.js is held to the same vectors."""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.addresses import (
    NAT64_LENGTHS,
    Address,
    address_text,
    ipv4_inside,
    is_end,
    is_metadata,
    is_metadata_name,
    is_private_url,
    is_public,
    nat64_networks,
    parse_address,
)

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


# --- IPv4 addresses in other ones ----------------------------------------------------------------

INSIDE = {
    "mapped": "::ffff:10.1.2.3",
    "compatible": "::10.1.2.3",
    "translated": "::ffff:0:10.1.2.3",
    "NAT64": "64:ff9b::10.1.2.3",
    "NAT64 of one's own, 48 bits": "64:ff9b:1:a01:2:300::",
    "NAT64 of one's own, 56 bits": "64:ff9b:1:aa0a:1:203::",
    "NAT64 of one's own, 64 bits": "64:ff9b:1:1:a:102:300:0",
    "NAT64 of one's own, 96 bits": "64:ff9b:1:aa::10.1.2.3",
    "6to4": "2002:a01:203::1",
    "Teredo's server": "2001:0:a01:203::1",
    "Teredo's client": "2001:0:4136:e378:8000:63bf:f5fe:fdfc",
    "ISATAP": "2a00:1:2:3:0:5efe:10.1.2.3",
    "ISATAP, unique": "2a00:1:2:3:200:5efe:10.1.2.3",
    "ISATAP, link-local": "fe80::5efe:10.1.2.3",
}


@pytest.mark.parametrize("text", INSIDE.values(), ids=INSIDE.keys())
def test_ipv4_addresses_are_found_in_others(text: str) -> None:
    assert ipaddress.ip_address("10.1.2.3") in set(ipv4_inside(ipaddress.ip_address(text)))


@pytest.mark.parametrize("text", ["10.1.2.3", "2a00::10.1.2.3", "fd00::10.1.2.3", "2a00:1:2:3:300:5efe:10.1.2.3"])
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert list(ipv4_inside(ipaddress.ip_address(text))) == []


@pytest.mark.parametrize(
    ("network", "text"),
    [  # the examples of RFC 6052 section 2.4
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
    ],
)
def test_a_translator_of_ones_own_is_found_and_seen_through(network: str, text: str) -> None:
    """By what it makes of `ipv4only.arpa`, with a prefix of each length."""
    nat64 = ipaddress.IPv6Network(network)
    expected = ipaddress.IPv4Address("192.0.2.33")
    assert list(ipv4_inside(ipaddress.ip_address(text), [nat64])) == [expected]
    assert list(ipv4_inside(ipaddress.ip_address("2001:db9::1"), [nat64])) == []
    for number in (170, 171):
        answer = _wrapped(nat64, ipaddress.IPv4Address(f"192.0.0.{number}"))
        assert nat64 in set(nat64_networks(answer))


def _wrapped(network: ipaddress.IPv6Network, address: ipaddress.IPv4Address) -> ipaddress.IPv6Address:
    """RFC 6052 section 2.2, byte by byte."""
    start = network.prefixlen // 8
    places = [place for place in range(start, 16) if place != 8][:4]
    packed = bytearray(network.network_address.packed)
    for place, byte in zip(places, address.packed, strict=True):
        packed[place] = byte
    return ipaddress.IPv6Address(bytes(packed))


@given(st.sampled_from(NAT64_LENGTHS), st.ip_addresses(v=6), st.ip_addresses(v=4))
def test_any_prefix_is_seen_through(length: int, start: ipaddress.IPv6Address, inside: ipaddress.IPv4Address) -> None:
    nat64 = ipaddress.IPv6Network((int(start) >> 128 - length << 128 - length, length))
    assert inside in set(ipv4_inside(_wrapped(nat64, inside), [nat64]))
    assert nat64 in set(nat64_networks(_wrapped(nat64, ipaddress.IPv4Address("192.0.0.170"))))


@pytest.mark.parametrize("answer", ["192.0.0.170", "2001:db8::1", "2a00::", "::"])
def test_an_answer_without_the_well_known_address_names_no_translator(answer: str) -> None:
    assert list(nat64_networks(ipaddress.ip_address(answer))) == []


METADATA = (
    "169.254.169.254 169.254.170.2 169.254.170.23 fd00:ec2::254 fd00:ec2::23 168.63.129.16 fd20:ce::254 "
    "100.100.100.200 192.0.0.192 fd00:c1::a9fe:a9fe 169.254.0.23 fe80::a9fe:a9fe fd00:a9fe:a9fe::1"
)


@pytest.mark.parametrize("address", METADATA.split())
def test_the_metadata_services_of_clouds(address: str) -> None:
    assert is_metadata(ipaddress.ip_address(address))
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["9.9.9.9", "127.0.0.1", "10.0.0.1", "168.63.129.15", "169.254.1.1", "fd00::1"])
def test_other_addresses_are_no_metadata_services(address: str) -> None:
    assert not is_metadata(ipaddress.ip_address(address))


def test_the_names_of_metadata_services() -> None:
    for name in ("metadata.google.internal", "metadata", "metadata.tencentyun.com", "api.metadata.cloud.ibm.com"):
        assert is_metadata_name(name)
    assert not any(map(is_metadata_name, ("", "google.internal", "metadata.example", "evilmetadata.google.internal")))
