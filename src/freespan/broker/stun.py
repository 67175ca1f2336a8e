"""The answers of a STUN server (RFC 8489): a Binding request gets the address that it came from. Pure.

The server answers what a WebRTC engine sends while it gathers, and ignores everything else: what is not STUN, other
methods, and requests with an attribute that a server must understand. RFC 8489 has an error for those (420), but no
client of ours needs it, and an error that lists attributes would tell a scanner more, and grow with the request.
Nothing in an answer names a library or a program.

The server is of little use for amplifying attacks. An answer has 32 bytes (44 over IPv6) and the shortest request has
20, which is a factor of 1.25 (1.35) with the headers of IP and UDP; and `RateLimiter` bounds the answers to one
address.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import OrderedDict

from aioice import stun

from freespan.broker.settings import StunSettings

REQUEST_MAX = 548
"""Size of the longest request that is read: what crosses every IPv4 network unfragmented (RFC 8489 section 6.1)."""
_BINDING_REQUEST = struct.pack("!H", stun.Method.BINDING | stun.Class.REQUEST)
_COOKIE = struct.pack("!I", stun.COOKIE)
_COMPREHENSION_OPTIONAL = 0x8000
"""The first attribute type that a server need not understand (RFC 8489 section 14)."""


def binding_answer(packet: bytes, source: tuple[str, int]) -> bytes | None:
    """Return the answer to `packet`, which came from this address and port; None if there is none. Raises nothing."""
    if len(packet) > REQUEST_MAX or packet[:2] != _BINDING_REQUEST or packet[4:8] != _COOKIE:
        return None
    try:
        request = stun.parse_message(packet)
        if not all(kind >= _COMPREHENSION_OPTIONAL for kind in _attribute_types(packet)):
            return None
    except (ValueError, struct.error):  # wrong lengths, a wrong fingerprint, text that is not UTF-8
        return None
    answer = stun.Message(
        stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id, {"XOR-MAPPED-ADDRESS": source}
    )
    return bytes(answer)


def _attribute_types(packet: bytes) -> list[int]:
    """Return all attribute types, also those that aioice skips. Raises `struct.error` and `ValueError`."""
    kinds = []
    at = stun.HEADER_LENGTH
    while at < len(packet):
        kind, length = struct.unpack_from("!HH", packet, at)
        at += 4 + length + stun.padding_length(length)
        kinds.append(kind)
    if at > len(packet):
        raise ValueError("an attribute is longer than the message")
    return kinds


class RateLimiter:
    """Bounds the answers to one address; IPv6 addresses count by their /64, which is one network.

    There is a token bucket for each address, kept as the time at which it will be full again. Their number is bounded:
    the address that was answered longest ago is forgotten. Somebody who can forge so many source addresses gains
    nothing by it but the factor above.
    """

    def __init__(self, settings: StunSettings | None = None) -> None:
        settings = settings or StunSettings()
        self._rate = settings.answers_per_second
        self._burst_seconds = settings.burst / settings.answers_per_second
        self._sources_max = settings.sources_max
        self._full_at: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def allows(self, address: str, now: float) -> bool:
        """Return whether one more answer may be sent to an address, and count it if so; `now` in seconds."""
        network = _network(address)
        full_at = max(self._full_at.get(network, now), now) + 1 / self._rate
        if full_at - now > self._burst_seconds:
            return False
        self._full_at[network] = full_at
        self._full_at.move_to_end(network)
        if len(self._full_at) > self._sources_max:
            self._full_at.popitem(last=False)
        return True


def _network(address: str) -> int:
    parsed = ipaddress.ip_address(address)
    return int(parsed) if parsed.version == 4 else int(parsed) >> 64 | 1 << 64  # apart from all of IPv4
