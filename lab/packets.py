"""IP packets as bytes: their parts, checksums, and TCP resets. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

TCP, UDP = 6, 17
ACK_RST, RST, SYN = 0x14, 0x04, 0x02


@dataclass(frozen=True, slots=True)
class Packet:
    """The parts of an IP packet. IPv4 options are dropped, and IPv6 extension headers are not read."""

    source: bytes
    target: bytes
    protocol: int
    segment: bytes
    """TCP or UDP header and payload."""

    @classmethod
    def parse(cls, raw: bytes) -> Packet | None:
        """Return None for bytes that are neither IPv4 nor IPv6, or truncated."""
        if len(raw) >= 28 and raw[0] >> 4 == 4:
            return cls(raw[12:16], raw[16:20], raw[9], raw[(raw[0] & 15) * 4 :])
        if len(raw) >= 48 and raw[0] >> 4 == 6:
            return cls(raw[8:24], raw[24:40], raw[6], raw[40:])
        return None

    def bytes(self) -> bytes:
        """Return the packet as it is sent, with checksums."""
        checked = _with_checksum(self)
        if len(self.source) == 16:
            head = struct.pack("!IHBB", 6 << 28, len(checked), self.protocol, 64) + self.source + self.target
            return head + checked
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(checked), 0, 0, 64, self.protocol, 0)
        head += self.source + self.target
        return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + checked


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """An IP packet that was seen at an interface."""

    at: float
    """Seconds by the kernel's clock."""
    leaves: bool
    """Whether the node sent it out on the interface; False when it came in."""
    raw: bytes


def tcp_reset(source: bytes, target: bytes, ports: bytes, sequence: int, acknowledged: int, flags: int) -> bytes:
    """Return a TCP segment without payload, as an IP packet.

    Args:
        source: IP address.
        target: IP address.
        ports: source and target port, as in the header.
        sequence: sequence number.
        acknowledged: acknowledgement number.
        flags: RST, or ACK_RST.
    """
    segment = ports + struct.pack("!IIBBHHH", sequence, acknowledged, 5 << 4, flags, 0, 0, 0)
    return Packet(source, target, TCP, segment).bytes()


def _with_checksum(packet: Packet) -> bytes:
    at = 16 if packet.protocol == TCP else 6
    segment = packet.segment[:at] + b"\x00\x00" + packet.segment[at + 2 :]
    pseudo = packet.source + packet.target + struct.pack("!II", len(segment), packet.protocol)
    return segment[:at] + struct.pack("!H", _checksum(pseudo + segment)) + segment[at + 2 :]


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\x00"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
