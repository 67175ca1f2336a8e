"""The censor's eyes: a process in the path that reads names in packets, forges DNS answers and cuts connections.

The border leads the first packets of each connection to a TUN interface, from inside to outside only. Here each one is
judged; what may pass goes back the way it came. A name may be spread over several packets: the start of each connection
is put together first, as the better censors do.
"""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import struct
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from types import FrameType

from freespan.demo.requested_name import NoNameError, find_name
from lab import dns, wan
from lab.censor import WATCH

_TCP, _UDP = 6, 17
_ACK_RST, _RST, _SYN = 0x14, 0x04, 0x02
_FLOWS_MAX = 4096
_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Packet:
    """The parts of an IP packet that are judged; no IPv4 options are lost, and IPv6 extension headers are not read."""

    source: bytes
    target: bytes
    protocol: int
    segment: bytes
    """TCP or UDP header and what it carries."""

    @classmethod
    def parse(cls, raw: bytes) -> Packet | None:
        """None for what is neither IPv4 nor IPv6, or cut."""
        if len(raw) >= 28 and raw[0] >> 4 == 4:
            return cls(raw[12:16], raw[16:20], raw[9], raw[(raw[0] & 15) * 4 :])
        if len(raw) >= 48 and raw[0] >> 4 == 6:
            return cls(raw[8:24], raw[24:40], raw[6], raw[40:])
        return None

    def bytes(self) -> bytes:
        """The packet for the wire, checksums included."""
        checked = _with_checksum(self)
        if len(self.source) == 16:
            head = struct.pack("!IHBB", 6 << 28, len(checked), self.protocol, 64) + self.source + self.target
            return head + checked
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(checked), 0, 0, 64, self.protocol, 0)
        head += self.source + self.target
        return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + checked


@dataclass(slots=True)
class Flow:
    """The start of one TCP connection."""

    expected: int = 0
    start: bytes = b""
    judged: bool = False
    cut: bool = False


@dataclass(slots=True)
class Inspector:
    """Judges packets. Pure: packets go in, packets come out."""

    forge: dict[str, str]
    cut_sni: tuple[str, ...]
    cut_host: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=lambda: {"forged": 0, "cut_sni": 0, "cut_host": 0})
    _flows: OrderedDict[bytes, Flow] = field(default_factory=OrderedDict)

    def judge(self, raw: bytes) -> list[bytes]:
        """Return what to send in place of a packet: itself, or what the censor makes of it."""
        packet = Packet.parse(raw)
        if packet is None:
            return [raw]
        if packet.protocol == _UDP:
            return self._judge_question(raw, packet)
        if packet.protocol == _TCP and len(packet.segment) >= 20:
            return self._judge_segment(raw, packet)
        return [raw]

    def _judge_question(self, raw: bytes, packet: Packet) -> list[bytes]:
        source_port, target_port = struct.unpack("!HH", packet.segment[:4])
        question = packet.segment[8:]
        asked = dns.read_question(question) if target_port == _DNS_PORT else None
        if asked is None:
            return [raw]
        name, kind, section = asked
        forged = next((self.forge[each] for each in self.forge if _is_under(name, (each,))), None)
        if forged is None:
            return [raw]
        self.counts["forged"] += 1
        reply = dns.make_answer(question, section, kind, [str(ipaddress.ip_address(forged))])
        segment = struct.pack("!HHHH", target_port, source_port, 8 + len(reply), 0) + reply
        return [Packet(packet.target, packet.source, _UDP, segment).bytes()]

    def _judge_segment(self, raw: bytes, packet: Packet) -> list[bytes]:
        segment = packet.segment
        key = packet.source + packet.target + segment[:4]
        sequence, acknowledged = struct.unpack("!II", segment[4:12])
        payload = segment[(segment[12] >> 4) * 4 :]
        if segment[13] & _SYN:
            self._flows[key] = Flow(expected=(sequence + 1) & 0xFFFFFFFF)
            if len(self._flows) > _FLOWS_MAX:
                self._flows.popitem(last=False)
        flow = self._flows.get(key)
        if flow is None or flow.judged or not payload:
            return [] if flow and flow.cut else [raw]
        if sequence != flow.expected:
            return [raw]  # sent again, or out of order: the whole start will come in order some time
        flow.start += payload
        flow.expected = (sequence + len(payload)) & 0xFFFFFFFF
        if not self._forbidden(flow):
            return [raw]
        flow.cut = True
        return [
            _reset(packet.target, packet.source, segment[2:4] + segment[:2], acknowledged, flow.expected, _ACK_RST),
            _reset(packet.source, packet.target, segment[:4], sequence, 0, _RST),
        ]

    def _forbidden(self, flow: Flow) -> bool:
        try:
            asked = find_name(flow.start)
        except NoNameError:
            flow.judged, flow.start = True, b""
            return False
        if asked is None:
            return False
        flow.judged, flow.start = True, b""
        kind, names = ("cut_sni", self.cut_sni) if asked.source == "sni" else ("cut_host", self.cut_host)
        if not _is_under(asked.name, names):
            return False
        self.counts[kind] += 1
        return True


def _is_under(name: str, names: tuple[str, ...]) -> bool:
    return any(name == each or name.endswith("." + each) for each in names)


def _reset(source: bytes, target: bytes, ports: bytes, sequence: int, acknowledged: int, flags: int) -> bytes:
    segment = ports + struct.pack("!IIBBHHH", sequence, acknowledged, 5 << 4, flags, 0, 0, 0)
    return Packet(source, target, _TCP, segment).bytes()


def _with_checksum(packet: Packet) -> bytes:
    at = 16 if packet.protocol == _TCP else 6
    segment = packet.segment[:at] + b"\x00\x00" + packet.segment[at + 2 :]
    pseudo = packet.source + packet.target + struct.pack("!II", len(segment), packet.protocol)
    return segment[:at] + struct.pack("!H", _sum(pseudo + segment)) + segment[at + 2 :]


def _sum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\x00"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main() -> None:
    """`python -m lab.inspector NAMESPACE ORDERS`: inspect for ever; SIGTERM ends it with a line of counts."""
    orders = json.loads(sys.argv[2])
    inspector = Inspector(orders["forge"], tuple(orders["cut_sni"]), tuple(orders["cut_host"]))
    tun = wan.open_tun(sys.argv[1], WATCH)
    os.set_blocking(tun, True)

    def end(_number: int, _frame: FrameType | None) -> None:
        print(json.dumps({"event": "counts", **inspector.counts}), flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(json.dumps({"event": "ready"}), flush=True)
    # The interface is taken up by whoever started this one; a read before that waits.
    while True:
        for packet in inspector.judge(os.read(tun, wan.PACKET_MAX)):
            try:
                os.write(tun, packet)
            except OSError:
                pass  # the kernel takes no such packet: for the two ends it is lost


if __name__ == "__main__":
    main()
