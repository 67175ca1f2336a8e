"""UDP datagrams and the starts of TCP connections, from captured packets. Pure."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.packets import SYN, TCP, UDP, CapturedPacket, Packet

_STREAM_MAX = 64 * 1024
End = tuple[str, int]
"""Address and port."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP packet."""

    at: float
    leaves: bool
    """As in `CapturedPacket`, like `at`."""
    source: End
    target: End
    payload: bytes

    @property
    def flow(self) -> frozenset[End]:
        """Both ends, in no particular order."""
        return frozenset((self.source, self.target))


def datagrams(packets: Iterable[CapturedPacket]) -> Iterator[Datagram]:
    """Yield the UDP packets among some packets."""
    for captured in packets:
        packet = Packet.parse(captured.raw)
        if packet and packet.protocol == UDP and len(packet.segment) >= 8:
            source, target = _ends(packet)
            yield Datagram(captured.at, captured.leaves, source, target, packet.segment[8:])


def streams(packets: Iterable[CapturedPacket]) -> dict[tuple[End, End], bytes]:
    """Return the start of each direction of each TCP connection, by source and target."""
    starts: dict[tuple[End, End], bytes] = {}
    expected: dict[tuple[End, End], int] = {}
    for captured in packets:
        packet = Packet.parse(captured.raw)
        if not packet or packet.protocol != TCP or len(packet.segment) < 20:
            continue
        segment, key = packet.segment, _ends(packet)
        (sequence,) = struct.unpack_from("!I", segment, 4)
        payload = segment[(segment[12] >> 4) * 4 :]
        if segment[13] & SYN:
            starts[key], expected[key] = b"", (sequence + 1) & 0xFFFFFFFF
        elif payload and expected.get(key) == sequence and len(starts[key]) < _STREAM_MAX:
            starts[key] += payload
            expected[key] = (sequence + len(payload)) & 0xFFFFFFFF
    return starts


def _ends(packet: Packet) -> tuple[End, End]:
    source, target = struct.unpack_from("!HH", packet.segment)
    return (str(ipaddress.ip_address(packet.source)), source), (str(ipaddress.ip_address(packet.target)), target)
