"""A STUN server's answers (RFC 8489): to a Binding request, the address that it came from. Pure, without a socket.

It answers what a WebRTC engine asks while it gathers, and is mute to everything else: to what is no STUN, to other
methods, and to requests with an attribute that must be understood. RFC 8489 has an error for those (420), but no client
of ours sends one, and an error that lists what came would tell a scanner more, and grow with what he sends. Nothing in
an answer names a library or a program.

It is of little use for reflecting packets at others: an answer is 32 bytes, 44 over IPv6, and the shortest request has
20 (1.25 and 1.35 times as much with the headers of IP and UDP); and no address gets more answers than `Budget` allows.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import OrderedDict

from aioice import stun

from freespan.wire.limits import STUN_ANSWERS_PER_SECOND, STUN_BURST, STUN_REQUEST_MAX, STUN_SOURCES_MAX

_BINDING_REQUEST = struct.pack("!H", stun.Method.BINDING | stun.Class.REQUEST)
_COOKIE = struct.pack("!I", stun.COOKIE)
_OPTIONAL = 0x8000
"""From here on are the attributes that a server need not understand (RFC 8489 section 14)."""


def binding_answer(packet: bytes, source: tuple[str, int]) -> bytes | None:
    """Return the answer to `packet`, which came from this address and port; None for silence, never an error."""
    if len(packet) > STUN_REQUEST_MAX or packet[:2] != _BINDING_REQUEST or packet[4:8] != _COOKIE:
        return None
    try:
        request = stun.parse_message(packet)
        if not all(kind >= _OPTIONAL for kind in _kinds_of_attributes(packet)):
            return None
    except (ValueError, struct.error):  # lengths that are wrong, a wrong fingerprint, text that is none
        return None
    answer = stun.Message(
        stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id, {"XOR-MAPPED-ADDRESS": source}
    )
    return bytes(answer)


def _kinds_of_attributes(packet: bytes) -> list[int]:
    """Also of those that aioice does not know; it passes over them. Raises `struct.error` and `ValueError`."""
    kinds = []
    at = stun.HEADER_LENGTH
    while at < len(packet):
        kind, length = struct.unpack_from("!HH", packet, at)
        at += 4 + length + stun.padding_length(length)
        kinds.append(kind)
    if at > len(packet):
        raise ValueError("an attribute is longer than the message")
    return kinds


class Budget:
    """How many answers go to one address a second; IPv6 addresses count by their /64, which is one network's.

    A token bucket for each, kept as the moment at which it will be full again. The table is capped: the source that was
    answered longest ago is forgotten. Who can forge so many sources gains by it nothing but the factor above.
    """

    def __init__(self) -> None:
        self._full_at: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def allows(self, address: str, now: float) -> bool:
        """Whether one more answer may go there; it counts as sent then. `now` in seconds."""
        network = _network(address)
        full_at = max(self._full_at.get(network, now), now) + 1 / STUN_ANSWERS_PER_SECOND
        if full_at - now > STUN_BURST / STUN_ANSWERS_PER_SECOND:
            return False
        self._full_at[network] = full_at
        self._full_at.move_to_end(network)
        if len(self._full_at) > STUN_SOURCES_MAX:
            self._full_at.popitem(last=False)
        return True


def _network(address: str) -> int:
    parsed = ipaddress.ip_address(address)
    return int(parsed) if parsed.version == 4 else int(parsed) >> 64 | 1 << 64  # apart from all of IPv4
