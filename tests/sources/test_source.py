"""Sources: which addresses are one host or one network, and how long a hash lasts."""

from __future__ import annotations

import ipaddress
import random

from hypothesis import given
from hypothesis import strategies as st

from freespan.sources.source import KEY_SECONDS, Source, SourceHasher


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def hasher(clock: Clock | None = None, seed: int = 1) -> SourceHasher:
    return SourceHasher(clock or Clock(), random.Random(seed).randbytes)


def source(text: str, of: SourceHasher | None = None) -> Source:
    return (of or hasher()).source_of(ipaddress.ip_address(text))


def test_an_ipv4_address_is_a_host_and_its_24_a_network() -> None:
    here, beside, far = source("192.0.2.1"), source("192.0.2.2"), source("192.0.3.1")
    assert here.host != beside.host
    assert here.network == beside.network
    assert here.network != far.network
    assert source("192.0.2.1") == here


def test_an_ipv6_64_is_a_host_and_its_48_a_network() -> None:
    here = source("2001:db8:1:2::1")
    assert source("2001:db8:1:2:ffff::9") == here
    beside = source("2001:db8:1:3::1")
    assert beside.host != here.host
    assert beside.network == here.network
    assert source("2001:db8:2:2::1").network != here.network


def test_an_ipv4_address_inside_an_ipv6_one_counts_as_itself() -> None:
    assert source("::ffff:192.0.2.1") == source("192.0.2.1")


def test_a_key_that_lasts_makes_no_new_source_of_an_address() -> None:
    clock = Clock()
    of = hasher(clock)
    lasting = of.lasting()
    first = source("192.0.2.1", lasting)
    assert first != source("192.0.2.1", of), "its hashes say nothing about those of the other one"
    clock.now += 100 * KEY_SECONDS
    assert source("192.0.2.1", lasting) == first


def test_the_key_changes_daily_and_is_drawn_anew() -> None:
    clock = Clock()
    of = hasher(clock)
    first = source("192.0.2.1", of)
    clock.now += KEY_SECONDS - 1
    assert source("192.0.2.1", of) == first
    clock.now += 1
    second = source("192.0.2.1", of)
    assert second.host != first.host
    assert second.network != first.network
    assert source("192.0.2.1", hasher(seed=2)) != source("192.0.2.1", hasher(seed=3))


def test_a_name_is_a_network_of_its_own() -> None:
    of = hasher()
    assert of.source_of_name("a") == of.source_of_name("a") != of.source_of_name("b")
    assert of.source_of_name("a").network != of.source_of_name("b").network


@given(st.ip_addresses())
def test_nothing_of_an_address_is_in_its_source(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    found = hasher().source_of(address)
    assert len(found.host) == len(found.network) == 16
    assert found.host != found.network
    assert str(address) not in repr(found)
