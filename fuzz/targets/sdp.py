"""Session descriptions, as client, bridge and broker get them from each other (`wire/sdp.py`, `wire/network.py`)."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

from freespan.wire.addresses import is_end
from freespan.wire.errors import MessageError
from freespan.wire.limits import SDP_MAX
from freespan.wire.network import network_of
from freespan.wire.sdp import (
    check_answer,
    check_offer,
    check_passable,
    filter_sdp,
    filtered,
    named_addresses,
    public_addresses,
)
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason

_LINES = (
    "v=0",
    "o=- 1 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=candidate:1 1 udp 2122260223 10.0.0.1 9 typ host generation 0",
    "a=candidate:2 1 UDP 1686052607 1.1.1.1 40000 typ srflx raddr 10.0.0.1 rport 9",
    "a=candidate:3 1 udp 41885439 2a00::1 50000 typ relay raddr 1.1.1.1 rport 40000",
    "a=candidate:4 1 tcp 1518280447 1.1.1.1 9 typ host tcptype active",
    "a=candidate:5 1 udp 1 0a1b2c3d-0000-4000-8000-000000000000.local 9 typ host",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
    "a=setup:actpass",
    "a=mid:0",
    "a=sctp-port:5000",
    "a=max-message-size:262144",
    "a=end-of-candidates",
)
_OFFER = "".join(f"{line}\r\n" for line in _LINES)
_WORDS = (
    *(f"\r\n{line}".encode() for line in _LINES),
    *(b"a=setup:active", b"\r\n", b"\n", b"\r", b"\x00", b"\t", b" ", b"a=candidate:", b"A=CANDIDATE:", b" typ host"),
    *(b" typ srflx", b" raddr ", b" rport ", b" udp ", b"0177.0.0.1", b"0x7f.1", b"127.1", b"::ffff:127.0.0.1"),
    *(b"192.0.0.9", b"2002:7f00:1::", b"64:ff9b::7f00:1", b"m=", b"m=audio 9 X 0", b"c=", b"\xc2\x85", b"\xe2\x80\xa8"),
    *(b"1.1.1.1", b"2a00::1", b"fe80::1%eth0", b"999.1.1.1", b"65536", b"a=remote-candidates:1 10.0.0.1 9"),
)
_SIZE_MAX = SDP_MAX + 64


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _check(data: bytes) -> None:
    sdp = _text(data)
    for check in (check_offer, check_answer):
        checked = attempt(lambda check=check: check(sdp), MessageError)  # type: ignore[misc]
        if isinstance(checked, MessageError):
            check_reason(checked)
    assert all(is_end(address) for address in public_addresses(sdp))
    network_of(sdp)


def _filter(data: bytes, *, allow_private: bool) -> None:
    sdp = _text(data)
    passing = filtered(sdp, allow_private=allow_private)
    once = passing.sdp
    passable = attempt(lambda: check_passable("offer", passing), MessageError)
    if isinstance(passable, MessageError):
        check_reason(passable)
    else:
        assert len(once) <= SDP_MAX
    assert filtered(once, allow_private=allow_private) == passing
    assert named_addresses(once, allow_private=allow_private) == passing.addresses
    only = sorted(named_addresses(sdp, allow_private=allow_private))[1:]
    some = filter_sdp(once, allow_private=allow_private, only=only)
    assert named_addresses(some, allow_private=allow_private) <= set(only)
    for line in once.split("\r\n"):
        assert line.isascii()
        assert not line or line.isprintable()
        if "candidate:" in line.lower():
            _check_candidate(line, allow_private=allow_private)


def _check_candidate(line: str, *, allow_private: bool) -> None:
    parts = line.split(" ")
    assert line.startswith("a=candidate:")
    assert parts[2].lower() == "udp"
    assert parts[6] == "typ"
    if not allow_private:
        assert is_end(ipaddress.ip_address(parts[4]))
        related = [after for word, after in pairwise(parts) if word.lower() == "raddr"]
        assert all(address == "0.0.0.0" for address in related)


def _seeds() -> tuple[bytes, ...]:
    answer = _OFFER.replace("actpass", "active")
    symmetric = "".join(
        f"a=candidate:{port} 1 udp 1 1.1.1.1 {port} typ srflx raddr 0.0.0.0 rport 0\r\n" for port in (1, 2)
    )
    few = "".join(line for line in _OFFER.splitlines(keepends=True) if "candidate" not in line)
    short = _OFFER.replace(":AB" * 31, ":AB")
    long = _OFFER + 's="\r\n' + 'a=mid:"' * 2_000 + "\r\na=fingerprints:1\r\na=ice-pwd\r\n"
    return tuple(
        text.encode() for text in (short, long, _OFFER, answer, few + symmetric, symmetric, _OFFER.replace("\r", ""))
    )


TARGETS = (
    FuzzTarget(
        "sdp_check", _check, ("freespan.wire.sdp", "freespan.wire.network"), _seeds(), _WORDS, size_max=_SIZE_MAX
    ),
    *(
        FuzzTarget(
            f"sdp_{'private' if allow_private else 'public'}",
            lambda data, allow_private=allow_private: _filter(data, allow_private=allow_private),  # type: ignore[misc]
            ("freespan.wire.sdp", "freespan.wire.candidates"),
            _seeds(),
            _WORDS,
            size_max=_SIZE_MAX,
        )
        for allow_private in (False, True)
    ),
)
