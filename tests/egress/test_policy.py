"""The policy: where an egress may lead, address by address and name by name."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.egress.block_list import parse_block_list
from freespan.egress.policy import WEB_PORTS, Policy
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
    "ISATAP": "2a00::5efe:10.0.0.1 2a00::200:5efe:127.0.0.1 fe80::5efe:9.9.9.9",
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
    ("written", "asked_for"),
    [
        ("Straße.example", "xn--strae-oqa.example"),
        ("Straße.example", "www.xn--strae-oqa.example"),
        ("نامه‌ای.example", "xn--mgba3gch31f060k.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),
        ("ᲛᲝᲡᲢᲘ.example", "xn--todfgqf.example"),
        ("☃.example.", "xn--n3h.example"),
    ],
)
def test_a_name_in_another_script_is_the_one_that_a_browser_asks_for(written: str, asked_for: str) -> None:
    assert refusal(Policy.of([written]), asked_for) is None


@pytest.mark.parametrize(
    ("written", "another_site"),
    [
        ("Straße.example", "strasse.example"),
        ("نامه‌ای.example", "xn--mgba3gch31f.example"),
        ("ς.example", "xn--4xa.example"),
    ],
)
def test_a_name_that_the_earlier_standard_made_of_it_is_another_site(written: str, another_site: str) -> None:
    assert refusal(Policy.of([written]), another_site) == "http_request_denied"


def test_a_letter_that_only_the_later_standard_knows() -> None:
    assert refusal(Policy.of(["ẞ.example"]), "xn--zca.example") is None


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


def test_only_the_ports_of_the_web() -> None:
    """Those of the web, of DNS over TLS, of mail boxes, and of the push services and messengers of phones."""
    policy = Policy.of([], ports=WEB_PORTS)
    allowed = {port for port in range(1, 65_536) if refusal(policy, "news.example", port) is None}
    assert allowed == {80, 443, 853, 993, 995, 5222, 5223, 5228, 8080, 8443}


def test_ports_and_sites_narrow_one_another() -> None:
    policy = Policy.of(["news.example"], ports=WEB_PORTS | {6697})
    assert refusal(policy, "news.example", 443) is refusal(policy, "www.news.example", 6697) is None
    assert refusal(policy, "news.example", 22) == refusal(policy, "other.example", 443) == "http_request_denied"


# --- which rule ----------------------------------------------------------------------------------

BLOCKED = parse_block_list("evil.example\n203.0.114.0/24\n2a00:bad::/32\n10.9.0.0/16\n")
STRICT = Policy.of(["news.example", "evil.example", "10.9.8.7"], ports=[443], blocked=BLOCKED)


@pytest.mark.parametrize(
    ("policy", "host", "port", "rule"),
    [
        (STRICT, "news.example", 22, "port"),
        (STRICT, "news.example", 25, "port"),
        (STRICT, "other.example", 443, "site"),
        (STRICT, "evil.example", 443, "blocked"),
        (STRICT, "www.evil.example", 443, "blocked"),
        (OPEN, "metadata.google.internal", 80, "metadata"),
        (Policy.of(["metadata.goog"], allow_private=True), "metadata.goog", 80, "metadata"),
    ],
)
def test_a_target_is_refused_with_the_rule(policy: Policy, host: str, port: int, rule: str) -> None:
    status = policy.check_target(Target(host, port))
    assert status is not None
    assert (status.error, status.rule) == ("http_request_denied", rule)


ANYWHERE = Policy(allow_private=True, blocked=BLOCKED)


@pytest.mark.parametrize(
    ("policy", "address", "rule"),
    [
        (OPEN, "127.0.0.1", "private"),
        (OPEN, "169.254.169.254", "metadata"),
        (OPEN, "::ffff:100.100.100.200", "metadata"),
        (OPEN, "64:ff9b::a83f:8110", "metadata"),
        (OPEN, "2002:a9fe:a9fe::1", "metadata"),
        (OPEN, "2001:0:4136:e378:8000:63bf:5601:5601", "metadata"),
        (OPEN, "2a00::5efe:169.254.169.254", "metadata"),
        (ANYWHERE, "169.254.169.254", "metadata"),
        (ANYWHERE, "fd00:ec2::254", "metadata"),
        (ANYWHERE, "fe80::5efe:a9fe:a9fe", "metadata"),
        (Policy.of(["169.254.169.254"]), "169.254.169.254", "metadata"),
        (ANYWHERE, "203.0.114.7", "blocked"),
        (ANYWHERE, "::ffff:203.0.114.7", "blocked"),
        (ANYWHERE, "64:ff9b::203.0.114.7", "blocked"),
        (ANYWHERE, "2002:cb00:7207::1", "blocked"),
        (ANYWHERE, "2a00:1:2:3:200:5efe:203.0.114.7", "blocked"),
        (ANYWHERE, "2a00:bad:1::1", "blocked"),
        (STRICT, "10.9.8.7", "blocked"),
    ],
)
def test_an_address_is_refused_with_the_rule(policy: Policy, address: str, rule: str) -> None:
    status = policy.check_address(ipaddress.ip_address(address))
    assert status is not None
    assert (status.error, status.rule) == ("destination_ip_prohibited", rule)


NAT64 = ipaddress.IPv6Network("2a00:64::/96")


def test_a_translator_of_this_network_leads_to_no_address_inside() -> None:
    found = dataclasses.replace(OPEN, nat64=frozenset({NAT64}))
    for address in ("2a00:64::10.0.0.1", "2a00:64::127.0.0.1", "2a00:64::169.254.169.254"):
        assert OPEN.may_dial(ipaddress.ip_address(address))
        assert not found.may_dial(ipaddress.ip_address(address))
    assert found.may_dial(ipaddress.ip_address("2a00:64::9.9.9.9"))


@given(st.ip_addresses(v=6), st.integers(0, 96))
def test_to_know_of_a_translator_opens_nothing(address: ipaddress.IPv6Address, length: int) -> None:
    """Whoever forges the answer of DNS that names one could open a private network else."""
    network = ipaddress.IPv6Network((int(address) >> 128 - length << 128 - length, length)) if length else NAT64
    if network.prefixlen in (32, 40, 48, 56, 64, 96):
        found = dataclasses.replace(OPEN, nat64=frozenset({network}))
        assert OPEN.may_dial(address) or not found.may_dial(address)
