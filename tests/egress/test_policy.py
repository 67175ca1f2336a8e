"""The policy: where an egress may lead, address by address and name by name."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.egress.policy import Policy
from freespan.wire.errors import InputError
from freespan.wire.target import Target

OPEN = Policy()

FORBIDDEN = {
    "loopback": "127.0.0.1 127.255.255.254 ::1",
    "private": "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 fc00::1 fd12:3456::1",
    "link-local": "169.254.0.1 169.254.255.255 fe80::1 febf::1",
    "site-local": "fec0::1 feff::1",
    "carrier-grade NAT": "100.64.0.1 100.127.255.255 100.100.100.200",
    "cloud metadata": "169.254.169.254 169.254.170.2 168.63.129.16 fd00:ec2::254",
    "multicast": "224.0.0.1 239.255.255.250 ff02::1 ff0e::1",
    "unspecified": "0.0.0.0 0.1.2.3 ::",
    "broadcast and reserved": "255.255.255.255 240.0.0.1",
    "documentation": "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1",
    "benchmarks and protocols": "198.18.0.1 198.19.255.255 192.0.0.1 192.88.99.1 100::1 5f00::1",
    "v4-mapped": "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:168.63.129.16 ::ffff:0.0.0.0",
    "v4-compatible": "::127.0.0.1 ::10.0.0.1",
    "v4-translated": "::ffff:0:127.0.0.1 ::ffff:0:10.0.0.1",
    "NAT64": "64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::168.63.129.16 64:ff9b:1::1.1.1.1",
    "6to4": "2002:101:101::1 2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe::1 2002:c0a8:101::1 2002:a83f:8110::1",
    "Teredo": "2001::1 2001:0:7f00:1::1 2001:0:4136:e378:8000:63bf:80ff:fffe",
}
ALLOWED = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.167.0.1 169.253.1.1 168.63.129.15 \
2606:4700:4700::1111 ::ffff:1.1.1.1 64:ff9b::1.1.1.1"


@pytest.mark.parametrize(
    "address", [pytest.param(one, id=f"{kind}: {one}") for kind, all in FORBIDDEN.items() for one in all.split()]
)
def test_forbidden(address: str) -> None:
    assert not OPEN.may_dial(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ALLOWED.split())
def test_allowed(address: str) -> None:
    assert OPEN.may_dial(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_no_mapping_opens_what_is_closed(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    if not OPEN.may_dial(address):
        mapped = ipaddress.IPv6Address(0xFFFF_0000_0000 | number)
        translated = ipaddress.IPv6Address(0x64_FF9B << 96 | number)
        sixtofour = ipaddress.IPv6Address(0x2002 << 112 | number << 80 | 1)
        assert not any(OPEN.may_dial(each) for each in (mapped, translated, sixtofour))


@given(st.ip_addresses())
def test_what_may_be_dialed_is_on_the_open_internet(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if OPEN.may_dial(address):
        assert not any((address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified))


def test_private_addresses_can_be_allowed() -> None:
    policy = Policy.of([], allow_private=True)
    assert all(policy.may_dial(ipaddress.ip_address(one)) for one in ("127.0.0.1", "10.0.0.1", "::1", "fd00::1"))


def refusal(policy: Policy, host: str, port: int = 443) -> str | None:
    status = policy.check_target(Target(host, port))
    return status.error if status is not None else None


def test_without_a_list_every_name_may_be_resolved() -> None:
    assert refusal(OPEN, "news.example") is None
    assert refusal(OPEN, "127.0.0.1") is None  # for the address has its own check


@pytest.mark.parametrize("host", ["news.example", "www.news.example", "a.b.news.example", "other.example", "1.2.3.4"])
def test_listed(host: str) -> None:
    assert refusal(Policy.of(["NEWS.example", "other.example", "1.2.3.4"]), host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evilnews.example",
        "news.example.evil",
        "news.example.evil.example",
        "ews.example",
        "example",
        "news-example",
        "xn--nws-qla.example",
        "1.2.3.5",
        "11.2.3.4",
        "2.3.4",
        "::1",
        "::ffff:1.2.3.4",
    ],
)
def test_look_alikes_are_not_listed(host: str) -> None:
    assert refusal(Policy.of(["news.example", "1.2.3.4"]), host) == "http_request_denied"


@pytest.mark.parametrize("policy", [OPEN, Policy.of(["news.example"]), Policy.of([], allow_private=True)])
def test_mail_servers_are_never_allowed(policy: Policy) -> None:
    assert refusal(policy, "news.example", 25) == "http_request_denied"
    assert refusal(policy, "news.example", 587) is None


def test_a_listed_address_may_be_private_and_a_listed_name_may_not_lead_there() -> None:
    policy = Policy.of(["10.1.2.3", "[fd00::1]", "intranet.example"])
    assert policy.may_dial(ipaddress.ip_address("10.1.2.3"))
    assert policy.may_dial(ipaddress.ip_address("fd00::1"))
    assert not policy.may_dial(ipaddress.ip_address("10.1.2.4"))
    assert not policy.may_dial(ipaddress.ip_address("::ffff:10.1.2.3"))


@pytest.mark.parametrize("host", ["", "a b", "http://news.example", "news.example/", "*.news.example", "999.1.1.1"])
def test_a_list_with_something_that_is_not_a_host(host: str) -> None:
    with pytest.raises(InputError):
        Policy.of([host])
