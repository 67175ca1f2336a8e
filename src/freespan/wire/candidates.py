"""ICE candidates of a description (RFC 8839 section 5.1): read, chosen, and written anew.

Each candidate makes the other end send packets to its address, so few pass, and nothing of a line but numbers and words
that were understood. The twin in JavaScript is bridge/candidates.js; tests/vectors/sdp.json and
tests/web/test_twins.py hold both to the same results.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from freespan.wire.addresses import Address, address_text, is_end, parse_address
from freespan.wire.limits import CANDIDATES_PASSED_MAX, OFFER_ADDRESSES_MAX

_OVER_UDP = re.compile(
    r"a=candidate:([A-Za-z0-9+/]{1,32}) 1 (?i:udp) ([0-9]{1,10}) ([!-~]{1,253}) ([0-9]{1,5})"
    r" typ (host|srflx|prflx|relay)(?: ([ -~]*))?"
)
_SMALL_NUMBER = re.compile("[0-9]{1,5}")
_MDNS_NAME = re.compile(r"[0-9a-z-]{1,63}\.local")
_PRIORITY_MAX = 0xFFFF_FFFF
_PORT_MAX = 65_535
_UNKNOWN = "0.0.0.0"
_NOTHING: dict[str, str] = {}
_HINTS = ("generation", "network-id", "network-cost")
"""What libwebrtc adds to a candidate, and uses to choose between two paths."""


class Candidate(NamedTuple):
    """A UDP candidate; `address` is the text of an address in its one form, or an mDNS name in a private network."""

    foundation: str
    priority: int
    address: str
    port: int
    kind: str
    related: str
    related_port: int
    hints: tuple[tuple[str, int], ...]

    @property
    def line(self) -> str:
        """The candidate, written anew."""
        words = [f"a=candidate:{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.kind}"]
        if self.kind != "host":
            words.append(f"raddr {self.related} rport {self.related_port}")
        return " ".join([*words, *(f"{name} {value}" for name, value in self.hints)])


def parse_candidate(line: str, *, allow_private: bool) -> Candidate | None:
    """Return what a line says if it is a candidate that may pass; related addresses are left out on the open internet.

    An end on the open internet has a public address. In a private network it may have any other address of its own, or
    an mDNS name (RFC 6762).
    """
    found = _OVER_UDP.fullmatch(line)
    if found is None:
        return None
    foundation, priority, address, port, kind, rest = found.groups()
    end = _end(address, allow_private=allow_private)
    if end is None or int(priority) > _PRIORITY_MAX or not 1 <= int(port) <= _PORT_MAX:
        return None
    more = _pairs(rest) if rest else _NOTHING
    related = parse_address(more.get("raddr", "")) if allow_private and more else None
    return Candidate(
        foundation,
        int(priority),
        end,
        int(port),
        kind,
        _UNKNOWN if related is None else address_text(related),
        (_small(more["rport"]) or 0) if "rport" in more else 0,
        tuple([(name, value) for name in _HINTS if name in more and (value := _small(more[name])) is not None]),
    )


def chosen(candidates: Sequence[Candidate]) -> list[int]:
    """The positions of the candidates that pass, in order: of few addresses, and of as many kinds of paths as can be.

    Of each kind (IPv4 or IPv6 or a name, by a TURN server or not) the candidates come in the order of their priorities,
    and the kinds take turns.
    """
    sockets = {(one.address, one.port) for one in candidates}
    if (
        len(sockets) == len(candidates) <= CANDIDATES_PASSED_MAX
        and len({one[0] for one in sockets}) <= OFFER_ADDRESSES_MAX
    ):
        return list(range(len(candidates)))
    kinds: defaultdict[tuple[bool, int], deque[int]] = defaultdict(deque)
    for number in sorted(range(len(candidates)), key=lambda number: -candidates[number].priority):
        kinds[_kind(candidates[number])].append(number)
    turns = [kinds[kind] for kind in sorted(kinds)]
    addresses: set[str] = set()
    sockets.clear()
    passed: list[int] = []
    while any(turns) and len(passed) < CANDIDATES_PASSED_MAX:
        for waiting in turns:
            while waiting and len(passed) < CANDIDATES_PASSED_MAX:
                number = waiting.popleft()
                one = candidates[number]
                is_known = one.address in addresses
                if (one.address, one.port) in sockets or not (is_known or len(addresses) < OFFER_ADDRESSES_MAX):
                    continue
                addresses.add(one.address)
                sockets.add((one.address, one.port))
                passed.append(number)
                break
    return sorted(passed)


def numeric_addresses(candidates: Iterable[Candidate]) -> set[Address]:
    """The addresses of candidates, without the names."""
    return {address for one in candidates if (address := parse_address(one.address)) is not None}


def _end(text: str, *, allow_private: bool) -> str | None:
    """The address of an end as it is written anew, or None."""
    address = parse_address(text)
    if address is None:
        name = text.lower()
        return name if allow_private and _MDNS_NAME.fullmatch(name) else None
    may_pass = _can_be_local(address) if allow_private else is_end(address)
    if not may_pass:
        return None
    return text if address.version == 4 else address_text(address)  # IPv4 has one form, and was read in no other


def _can_be_local(address: Address) -> bool:
    """Whether an end can have it: it is neither unspecified nor multicast, reserved or IPv4-mapped."""
    number = int(address)
    if address.version == 4:
        return 0 < number >> 24 < 224
    return number != 0 and number >> 120 != 0xFF and number >> 32 != 0xFFFF


def _kind(candidate: Candidate) -> tuple[bool, int]:
    family = 2 if candidate.address.endswith(".local") else 1 if ":" in candidate.address else 0
    return candidate.kind == "relay", family


def _pairs(text: str) -> dict[str, str]:
    """The names and values at the end of a candidate; of two equal names the first one counts."""
    words = text.split()
    pairs: dict[str, str] = {}
    for name, value in zip(words[::2], words[1::2], strict=False):
        pairs.setdefault(name.lower(), value)
    return pairs


def _small(text: str) -> int | None:
    return int(text) if _SMALL_NUMBER.fullmatch(text) and int(text) <= _PORT_MAX else None
