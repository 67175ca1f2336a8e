"""The block list: what a line may be, and what is found by it."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.egress.block_list import BLOCK_LIST_MAX, NOTHING, BlockList, decode_block_list, parse_block_list
from freespan.egress.block_list_file import read_block_list
from freespan.wire.errors import InputError
from freespan.wire.target import parse_host

TEXT = """\ufeff# names
evil.example
  WWW.Other.Example.   # and all below it\r
bücher.example
straße.example

203.0.113.0/24
198.51.100.7
2001:db8:bad::/48
::/128
"""


def found(text: str) -> BlockList:
    return decode_block_list(text.encode())


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "a.b.evil.example",
        "www.other.example",
        "x.www.other.example",
        "xn--bcher-kva.example",
        "a.xn--bcher-kva.example",
        "strasse.example",
        "xn--strae-oqa.example",
    ],
)
def test_names_and_what_is_below_them(name: str) -> None:
    assert found(TEXT).has_name(name)


@pytest.mark.parametrize("name", ["example", "other.example", "notevil.example", "evil.example.org", "203.0.113.7"])
def test_other_names(name: str) -> None:
    assert not found(TEXT).has_name(name)


@pytest.mark.parametrize("name", ["BÜCHER.example", "bücher。example", "bu\u0308cher.example"])
def test_a_name_in_whichever_spelling_is_the_one_that_readers_ask_for(name: str) -> None:
    assert found(name).has_name(parse_host("bücher.example"))


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("Βόλος.example", {"xn--nxasmm1c.example", "xn--nxasmq6b.example"}),
        ("نامه‌ای.example", {"xn--mgba3gch31f060k.example", "xn--mgba3gch31f.example"}),
        ("FUẞ.example", {"xn--fu-hia.example", "fuss.example"}),
    ],
)
def test_both_names_are_closed_where_the_two_standards_differ(written: str, names: set[str]) -> None:
    assert all(map(found(written).has_name, names))
    assert len(found(written)) == len(names)


def test_a_list_knows_the_names_that_dns_may_know() -> None:
    assert all(
        map(
            found("-a.example\nb-.example\n☃.example\nxn--0.example").has_name,
            ["-a.example", "b-.example", "xn--n3h.example", "xn--0.example"],
        )
    )


@pytest.mark.parametrize("address", ["203.0.113.0", "203.0.113.255", "198.51.100.7", "2001:db8:bad::1", "::"])
def test_networks(address: str) -> None:
    assert found(TEXT).has_address(ipaddress.ip_address(address))


def test_an_address_in_other_digits_is_that_address() -> None:
    assert found("２０３.0.113.7").has_address(ipaddress.ip_address("203.0.113.7"))


@pytest.mark.parametrize(
    "address", ["203.0.112.255", "203.0.114.0", "198.51.100.8", "2001:db8:bae::1", "::1", "0.0.0.0"]
)
def test_other_networks(address: str) -> None:
    assert not found(TEXT).has_address(ipaddress.ip_address(address))


@pytest.mark.parametrize("entry", ["::ffff:203.0.113.5", "::ffff:203.0.113.0/120", "::FFFF:cb00:7105/128"])
def test_ipv4_networks_written_as_ipv6_are_those_networks(entry: str) -> None:
    assert found(entry).has_address(ipaddress.ip_address("203.0.113.5"))


def test_a_list_may_be_empty() -> None:
    assert len(found("")) == len(found("\n# nothing\n\n")) == len(NOTHING) == 0
    assert len(found(TEXT)) == 9


@pytest.mark.parametrize(
    "line",
    [
        "evil example",
        "https://evil.example/",
        "evil.example/",
        "*.evil.example",
        ".evil.example",
        "evil..example",
        "evil.example:443",
        "203.0.113.7/24",
        "203.0.113.0/33",
        "203.0.113",
        "999.0.0.1",
        "0x7f000001",
        "[2001:db8::1]",
        "2001:db8::/129",
        "fe80::1%eth0",
        "0.0.0.0 evil.example",
        "-",
        "||evil.example^",
        "a" * 64 + ".example",
        "\x00",
        "\u202eevil.example",
    ],
)
def test_nonsense_is_named_by_the_number_of_its_line(line: str) -> None:
    with pytest.raises(InputError) as caught:
        found(f"# one\nevil.example\n{line}\nother.example\n")
    assert str(caught.value) == "block-list: line 3 is neither a name nor a network"


def test_a_file_that_is_no_text() -> None:
    with pytest.raises(InputError, match="block-list: line 2 is not UTF-8 text"):
        decode_block_list(b"evil.example\n\xff\xfe\n")


def test_a_file_that_is_too_large() -> None:
    with pytest.raises(InputError, match="block-list: is larger than 64 MiB"):
        decode_block_list(b"\n" * (BLOCK_LIST_MAX + 1))


@given(st.text(max_size=40))
def test_any_text_is_a_list_or_one_clear_line(text: str) -> None:
    reason = ""
    try:
        parse_block_list(text)
    except InputError as error:
        reason = str(error)
    assert re.fullmatch(r"|block-list: line \d+ is neither a name nor a network", reason)


@given(
    st.lists(st.ip_addresses().flatmap(lambda a: st.integers(0, a.max_prefixlen).map(lambda n: (a, n)))),
    st.ip_addresses(),
)
def test_an_address_is_found_as_the_standard_library_finds_it(
    listed: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    networks = [ipaddress.ip_network((one, length), strict=False) for one, length in listed]
    expected = any(address.version == network.version and address in network for network in networks)
    assert BlockList(networks=networks).has_address(address) is expected
    assert all(BlockList(networks=networks).has_address(one) for one, _ in listed)


# --- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "why"), [("nowhere", "no such file or directory"), ("", "is a directory")])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(InputError, match=f"block-list: cannot be read: {why}"):
        read_block_list(tmp_path / name)
