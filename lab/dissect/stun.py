"""STUN messages (RFC 8489). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lab.dissect.iana import STUN_ATTRIBUTES, name_of

_COOKIE = 0x2112A442
_USERNAME = 0x0006


@dataclass(frozen=True, slots=True)
class Stun:
    """A STUN message."""

    kind: int
    """Message type: 0x001 is a Binding request, 0x101 its success response; TURN has others."""
    attributes: tuple[tuple[int, int], ...]
    """Type and length of each, in their order."""
    user: bytes = b""
    """The value of USERNAME."""

    @property
    def names(self) -> list[str]:
        """The names of the attributes, in their order."""
        return [name_of(STUN_ATTRIBUTES, number) for number, _ in self.attributes]


def read_stun(payload: bytes) -> Stun | None:
    """Return the message, or None if this is not STUN."""
    if len(payload) < 20 or payload[0] > 3:
        return None
    kind, length, cookie = struct.unpack_from("!HHI", payload)
    if cookie != _COOKIE or length != len(payload) - 20:
        return None
    attributes, user, at = [], b"", 20
    while at + 4 <= len(payload):
        number, size = struct.unpack_from("!HH", payload, at)
        attributes.append((number, size))
        if number == _USERNAME:
            user = payload[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return Stun(kind, tuple(attributes), user)
