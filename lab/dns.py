"""A small DNS server: knows the lab's names, says NXDOMAIN to all others (RFC 1035, UDP alone).

Also the few functions that read a question and make an answer: the censor forges with the same.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
import sys
from collections.abc import Mapping, Sequence

_A, _AAAA, _IN = 1, 28, 1
_TYPES = {4: _A, 6: _AAAA}
_TTL = 60
_QUESTION_MAX = 512


def read_question(packet: bytes) -> tuple[str, int, bytes] | None:
    """Return the name (lower case), the type and the raw question section; None if this asks for nothing readable."""
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
    """The answer with those addresses that are of the asked kind; None stands for a name that does not exist."""
    records = [
        struct.pack("!HHHIH", 0xC00C, kind, _IN, _TTL, len(raw)) + raw
        for address in addresses or ()
        if _TYPES[(parsed := ipaddress.ip_address(address)).version] == kind and (raw := parsed.packed)
    ]
    flags = 0x8180 | (3 if addresses is None else 0)
    return packet[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)


def answer(packet: bytes, names: Mapping[str, Sequence[str]]) -> bytes | None:
    """The answer to one packet, or None for what is no question."""
    asked = read_question(packet)
    if asked is None:
        return None
    name, kind, question = asked
    return make_answer(packet, question, kind, names.get(name))


def main(names: Mapping[str, Sequence[str]], port: int = 53) -> None:
    """Serve for ever on all addresses of this host."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as here:
        here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        here.bind(("::", port))
        print(json.dumps({"event": "ready"}), flush=True)
        while True:
            packet, source = here.recvfrom(_QUESTION_MAX)
            if reply := answer(packet, names):
                here.sendto(reply, source)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except KeyboardInterrupt:
        pass
