"""However a reader spells an address inside, the egress opens no connection to it.

Each spelling goes the whole way of a request: parsed as a target, resolved by a resolver that is as lenient as the C
library's (inet_aton takes `127.1`, `0177.0.0.1` and `0x7f000001`), and dialed, if anything is left to dial.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest

from freespan.egress.dialer import Dialer
from freespan.egress.policy import Policy
from freespan.wire.errors import InputError, StreamError
from freespan.wire.target import parse_host, parse_target

NUMBERS = (
    "127.0.0.1 127.1 127.0.1 2130706433 017700000001 0x7f000001 0x7F.0.0.1 0177.0.0.1 0177.1 0x7f.1 127.0.0.01 "
    "127.000.000.001 0127.0.0.1 00000177.0.0.1 127.0.0.1. 127.1. 0 0.0.0.0 0x0 00.0.0.0 10.1 012.0.0.1 0xa000001 "
    "167772161 0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 2852039166 169.254.43518 169.16689662 0xA9FEA9FE 192.168.257 "
    "0300.0250.0.1 0xc0a80001 3232235521 4294967295 255.255.255.255 0xffffffff 4294967297 127.0.0.0x1 127.0x0.1"
)
IN_BRACKETS = (
    "::1 0:0:0:0:0:0:0:1 0000::0001 ::ffff:127.0.0.1 ::ffff:7f00:1 0:0:0:0:0:FFFF:7F00:0001 ::127.0.0.1 ::7f00:1 "
    "::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::127.0.0.1 2002:7f00:1:: :: ::ffff:0.0.0.0 ::1%lo ::1%25lo fe80::1%1 "
    "fd00:ec2::254 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b:1::a00:1 fec0::1 2001::1 127.0.0.1 ::ffff:127.1"
)
WIDE = "１２７.0.0.1 １２７．０．０．１ 127。0。0。1 ①②⑦.⓪.⓪.① 𝟏𝟐𝟕.𝟎.𝟎.𝟏 0ⅹ7f.1 127｡0｡0｡1 ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ"
NAMES = "localhost LOCALHOST localhost. ip6-localhost a.localhost"
SPELLINGS = [*NUMBERS.split(), *(f"[{one}]" for one in IN_BRACKETS.split()), *WIDE.split(), *NAMES.split()]


def lenient(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
    """Resolve as leniently as any resolver does; names lead to this machine."""
    try:
        address = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        address = "127.0.0.1"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]


def test_the_resolver_of_this_test_is_lenient() -> None:
    assert [lenient(one)[0][4][0] for one in ("127.1", "0177.0.0.1", "0x7f000001", "8.8.8.8")] == [
        *["127.0.0.1"] * 3,
        "8.8.8.8",
    ]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_leads_inside(monkeypatch: pytest.MonkeyPatch, dialed: list[str], spelling: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lenient)
    dialer = Dialer(Policy())
    try:
        with pytest.raises((InputError, StreamError)):
            await dialer.dial(parse_target(f"{spelling}:80"))
    finally:
        dialer.close()
    assert dialed == []


@pytest.mark.parametrize("spelling", ["8.8.8.8", "[2606:4700:4700::1111]", "[::ffff:8.8.8.8]"])
async def test_what_leads_outside_is_dialed(dialed: list[str], spelling: str) -> None:
    """The counterpart: the test above would notice a connection."""
    dialer = Dialer(Policy())
    try:
        with pytest.raises(StreamError):
            await dialer.dial(parse_target(f"{spelling}:80"))
    finally:
        dialer.close()
    assert [parse_host(one) for one in dialed] == [parse_host(spelling.strip("[]"))]
