"""Where strangers come from, as web servers in front of a host tell it, and what is counted for them (`sources`)."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import cast

from aiohttp import web
from multidict import CIMultiDict

from freespan.sources.rate import Rate, RateBudgets
from freespan.sources.requests import SourceReader, parsed_address, request_address
from freespan.sources.shares import Places, Shares
from freespan.sources.source import SourceHasher
from freespan.wire.addresses import Address
from fuzz.fuzz_target import FuzzTarget
from fuzz.script import Script, piece

_ROOM = "freespan.sources."
_HEADER = "X-Forwarded-For"
_TOTAL = 12
_REMEMBERED = 8
_REQUESTS_MAX = 150
"""Requests of one input. More tell nothing new, and together take longer than an input may."""


class _Request(dict[str, object]):
    """As much of a request as is looked at; what is noted of it is in the dictionary."""

    def __init__(self, remote: str | None, headers: CIMultiDict[str]) -> None:
        super().__init__()
        self.remote = remote
        self.headers = headers


def _hasher(now: Callable[[], float] = lambda: 1.0) -> SourceHasher:
    return SourceHasher(now, bytes)


def _requests(data: bytes) -> None:
    """Requests to one host: each has the address of its peer, and two headers."""
    script = Script(data)
    flags = script.byte()
    header = _HEADER if flags & 1 else ""
    readers = [SourceReader(header, is_public=lambda: bool(flags & 2), hasher=_hasher()) for _ in range(2)]
    for _ in range(_REQUESTS_MAX):
        if script.is_over:
            return
        peer = script.piece().decode("utf-8", "replace")
        headers = CIMultiDict[str]()
        for name in (_HEADER, _HEADER, "Via" if flags & 4 else "X-Other"):
            if value := script.piece().decode("utf-8", "surrogateescape"):
                headers.add(name, value)
        request = cast(web.BaseRequest, _Request(peer or None, headers))
        first, second = (reader.source_of(request) for reader in readers)
        assert first == second
        for reader in readers:
            assert reader.source_of_any(request) == reader.source_of_any(request)
            reader.source_of(request)
            reader.lasting_source_of(request)
            reader.source_of_connection(peer)
        address = request_address(request, header)
        if address is not None:
            assert parsed_address(str(address)) == address
            assert getattr(address, "ipv4_mapped", None) is None


def _address(script: Script) -> Address | None:
    network, host = script.byte(), script.byte() % 4
    text = f"2a00:{network % 4:x}::{host:x}" if network & 64 else f"11.0.{network % 4}.{host}"
    if network & 32:
        return IPv6Address(f"::ffff:11.0.{network % 4}.{host}")
    return None if network >= 192 else parsed_address(text)


def _counted(data: bytes) -> None:
    """Sources that ask, hold and let go."""
    script, now = Script(data), 1.0
    hasher = _hasher(lambda: now)
    flags = script.byte()
    budgets = RateBudgets(Rate(1, 3), Rate(2, 6), Rate(4, 12) if flags & 1 else None, sources_max=_REMEMBERED)
    shares: Shares[int] = Shares(_TOTAL, newcomers=flags >> 1 & 3, places=Places(1, 2), oldest_unknown=bool(flags & 16))
    held: set[int] = set()
    number = 0
    while not script.is_over:
        what, address = script.byte(), _address(script)
        source = None if address is None else hasher.source_of(address)
        now += 30_000.0 if what == 255 else (what >> 4) / 8
        if what % 4 == 0:
            cost = 1.0 + (what >> 2 & 3)
            wait = budgets.wait(source, now, cost)
            assert budgets.take(source, now, cost) is (wait <= 0)
        elif what % 4 == 1:
            number += 1
            would = shares.would_leave(number, source)
            leaving = shares.add(number, source, float(what >> 6) if what & 32 else None)
            assert what & 32 or would is (leaving == number)
            held = (held | {number}) - {leaving}
        elif what % 4 == 2 and held:
            gone = sorted(held)[(what >> 2) % len(held)]
            shares.discard(gone)
            held.discard(gone)
        elif what == 254:
            assert hasher.source_of_name("a").host == hasher.source_of_name("a").network
        elif source is not None:
            shares.allow(source, float(what >> 4))
            assert 0 <= shares.held_by(source) <= len(held)
        assert len(shares) == len(held) <= _TOTAL
        assert all(one in shares for one in held)
        assert len(budgets) <= _REMEMBERED


TARGETS = (
    FuzzTarget(
        "requests",
        _requests,
        (f"{_ROOM}requests", f"{_ROOM}source"),
        (
            b"\x01" + piece(b"127.0.0.1") + piece(b"1.1.1.1, 10.0.0.1") + piece(b"2a00::1") + piece(b"x"),
            b"\x00" + piece(b"1.1.1.1") + piece(b"") * 3 + piece(b"fe80::1%eth0") + piece(b"") * 3,
            b"\x02" + (piece(b"127.0.0.1") + piece(b"") * 3) * 20,
            b"\x06" + piece(b"10.0.0.1") + piece(b"") * 2 + piece(b"a proxy") + piece(b"1.1.1.1") + piece(b"") * 3,
            b"\x01" + piece(b"10.0.0.1") + piece(b'for="[2a00::1]:80";by=x') + piece(b"") * 2,
            b"\x01" + piece(b"10.0.0.1") + piece(b"by=x; For=1.1.1.1:80") + piece(b"") * 2,
            b"\x01" + piece(b"10.0.0.1") + piece(b"by=x;proto=http") + piece(b"") * 2 + piece(b"") * 4,
            b"\x01" + piece(b"1.1.1.1") + piece(b"2a00::1") + piece(b"") * 2,
            b"\x01" + piece(b"1.1.1.1") + piece(b"2001:0:101:101::1") + piece(b"") * 2,
            b"\x02" + piece(b"100.64.0.1") + piece(b"") * 2 + piece(b"x"),
            b"\x01" + piece(b"::ffff:1.1.1.1") + piece(b"::ffff:1.1.1.1") + piece(b"") * 2 + piece(b"") * 4,
        ),
        (
            b"127.0.0.1",
            b"1.1.1.1",
            b"2a00::1",
            b"::ffff:1.1.1.1",
            b"%eth0",
            b",",
            b", ",
            b"unknown",
            b"[::1]:80",
            b"for=",
            b";by=x",
            b'"',
        ),
    ),
    FuzzTarget(
        "counted",
        _counted,
        (f"{_ROOM}rate", f"{_ROOM}shares"),
        (
            b"\x00" + bytes(60),
            b"\x00" + b"\xff\x00\x00" * 5 + b"\xfe\x00\x00",
            b"\x03" + b"".join(bytes((1, one, one)) for one in range(60)),
            b"\x13" + b"".join(bytes((one, 37 * one & 255, one)) for one in range(120)),
            b"\x01" + b"".join(bytes((0, one, 0)) for one in range(0, 190, 3)) + bytes((1, 255, 0)) * 20,
            b"\x04" + b"\x01\x00\x00" * 20 + b"\x03\x00\x00\x02\x00\x00" * 9,
        ),
        size_max=240,
    ),
)
