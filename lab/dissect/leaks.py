"""What captured packets reveal: host names, certificates, and words that identify programs. Pure."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Sequence

from freespan.demo.requested_name import NoNameError, find_name
from lab.dissect.tls import CERTIFICATE, HANDSHAKE, Handshake, read_records, tls_messages
from lab.dissect.transport import End, datagrams, streams
from lab.dns import read_question
from lab.packets import CapturedPacket

WORDS = ("freespan", "aiohttp", "python", "aioquic", "aioice", "libwebrtc", "webrtc.org", "coturn", "wrtc", "WRTC")
"""Names of programs and libraries. They are searched for in any case, but for short ones."""
_ANY_CASE_LENGTH = 6
"""Words shorter than this occur in ciphertext by chance if case is ignored."""
_DNS_PORT = 53


def readable_names(packets: Sequence[CapturedPacket]) -> dict[str, list[str]]:
    """Return the host names that can be read, by where they occur: `dns`, `sni`, `host`."""
    found: dict[str, list[str]] = {"dns": [], "sni": [], "host": []}
    for each in datagrams(packets):
        if each.target[1] == _DNS_PORT and (query := read_question(each.payload)):
            found["dns"].append(query[0])
    for start in streams(packets).values():
        try:
            name = find_name(_head(start))
        except NoNameError:
            continue
        if name:
            found[name.source].append(name.name)
    return {where: sorted(set(names)) for where, names in found.items()}


def _head(stream: bytes) -> bytes:
    """Return the handshake records at the start of a TLS stream, or all of another stream."""
    at = 0
    while at + 5 <= len(stream) and stream[at] == HANDSHAKE:
        at += 5 + struct.unpack_from("!H", stream, at + 3)[0]
    return stream[:at] or stream


def count_certificates(packets: Sequence[CapturedPacket]) -> int:
    """Return how many handshakes contain a certificate that is not encrypted."""
    count = 0
    directions: dict[tuple[End, End], Handshake] = defaultdict(Handshake)
    for each in datagrams(packets):
        messages = directions[each.source, each.target].read(read_records(each.payload))
        count += sum(kind == CERTIFICATE for kind, _ in messages)
    for stream in streams(packets).values():
        count += sum(kind == CERTIFICATE for kind, _ in tls_messages(stream))
    return count


def identifying_words(packets: Sequence[CapturedPacket]) -> list[str]:
    """Return those of WORDS that occur anywhere in a packet."""
    found = set()
    for packet in packets:
        lower = packet.raw.lower()
        found |= {word for word in WORDS if word.encode() in (lower if len(word) >= _ANY_CASE_LENGTH else packet.raw)}
    return sorted(found)
