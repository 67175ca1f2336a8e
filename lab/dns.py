"""DNS queries and answers (RFC 1035), as the lab's server answers them and its censor forges them. Pure."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping, Sequence

_A, _AAAA, _IN = 1, 28, 1
_TYPES = {4: _A, 6: _AAAA}
_TTL = 60


def read_question(packet: bytes) -> tuple[str, int, bytes] | None:
    """Return the name (lower case), the type and the raw question section; None if this is not a query."""
    if len(packet) < 17 or packet[2] & 0x80 or packet[4:6] != b"\x00\x01":
        return None
    labels, at = [], 12
    while at < len(packet) and (length := packet[at]):
        if length > 63:
            return None
        labels.append(packet[at + 1 : at + 1 + length])
        at += 1 + length
    if at + 5 > len(packet):
        return None
    name = b".".join(labels).decode("ascii", "replace").lower()
    return name, int.from_bytes(packet[at + 1 : at + 3], "big"), packet[12 : at + 5]


def make_answer(packet: bytes, question: bytes, kind: int, addresses: Sequence[str] | None) -> bytes:
    """Return the answer to a query.

    Args:
        packet: the query.
        question: its question section.
        kind: the type of records that it asks for.
        addresses: of the name; those of another type are left out. None stands for a name that does not exist.
    """
    records = [
        struct.pack("!HHHIH", 0xC00C, kind, _IN, _TTL, len(raw)) + raw
        for address in addresses or ()
        if _TYPES[(parsed := ipaddress.ip_address(address)).version] == kind and (raw := parsed.packed)
    ]
    flags = 0x8180 | (3 if addresses is None else 0)
    return packet[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)


def answer(packet: bytes, names: Mapping[str, Sequence[str]]) -> bytes | None:
    """Return the answer to a packet, or None if that is not a query."""
    query = read_question(packet)
    if query is None:
        return None
    name, kind, question = query
    return make_answer(packet, question, kind, names.get(name))
