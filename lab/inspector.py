"""The censor's inspector: reads the names in packets, forges DNS answers and resets connections. Pure.

A name may be spread over several packets, so the start of each connection is reassembled first, as good censors do.
`inspector_process` hands in the packets of the border router.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import OrderedDict
from dataclasses import dataclass, field

from freespan.demo.requested_name import NoNameError, find_name
from lab import dns
from lab.censor import NameRules
from lab.packets import ACK_RST, RST, SYN, TCP, UDP, Packet, tcp_reset

_FLOWS_MAX = 4096
_DNS_PORT = 53


@dataclass(slots=True)
class Flow:
    """The start of one TCP connection."""

    expected: int = 0
    start: bytes = b""
    decided: bool = False
    """Whether its name is known, or known to be missing."""
    cut: bool = False
    """Whether it was reset: its further packets are dropped."""


@dataclass(slots=True)
class Inspector:
    """Turns each packet into the packets that take its place."""

    rules: NameRules
    counts: dict[str, int] = field(default_factory=lambda: {"forged": 0, "cut_sni": 0, "cut_host": 0})
    _flows: OrderedDict[bytes, Flow] = field(default_factory=OrderedDict)

    def inspect(self, raw: bytes) -> list[bytes]:
        """Return the packets to send in place of one: itself, a forged answer, resets, or nothing."""
        packet = Packet.parse(raw)
        if packet is None:
            return [raw]
        if packet.protocol == UDP:
            return self._inspect_query(raw, packet)
        if packet.protocol == TCP and len(packet.segment) >= 20:
            return self._inspect_segment(raw, packet)
        return [raw]

    def _inspect_query(self, raw: bytes, packet: Packet) -> list[bytes]:
        source_port, target_port = struct.unpack("!HH", packet.segment[:4])
        payload = packet.segment[8:]
        query = dns.read_question(payload) if target_port == _DNS_PORT else None
        if query is None:
            return [raw]
        name, kind, section = query
        forged = next((address for each, address in self.rules.forge.items() if _is_under(name, (each,))), None)
        if forged is None:
            return [raw]
        self.counts["forged"] += 1
        reply = dns.make_answer(payload, section, kind, [str(ipaddress.ip_address(forged))])
        segment = struct.pack("!HHHH", target_port, source_port, 8 + len(reply), 0) + reply
        return [Packet(packet.target, packet.source, UDP, segment).bytes()]

    def _inspect_segment(self, raw: bytes, packet: Packet) -> list[bytes]:
        segment = packet.segment
        key = packet.source + packet.target + segment[:4]
        sequence, acknowledged = struct.unpack("!II", segment[4:12])
        payload = segment[(segment[12] >> 4) * 4 :]
        if segment[13] & SYN:
            self._flows[key] = Flow(expected=(sequence + 1) & 0xFFFFFFFF)
            if len(self._flows) > _FLOWS_MAX:
                self._flows.popitem(last=False)
        flow = self._flows.get(key)
        if flow is None or flow.decided or not payload:
            return [] if flow and flow.cut else [raw]
        if sequence != flow.expected:
            return [raw]  # retransmitted or out of order; the start will come in order later
        flow.start += payload
        flow.expected = (sequence + len(payload)) & 0xFFFFFFFF
        if not self._is_blocked(flow):
            return [raw]
        flow.cut = True
        return [
            tcp_reset(packet.target, packet.source, segment[2:4] + segment[:2], acknowledged, flow.expected, ACK_RST),
            tcp_reset(packet.source, packet.target, segment[:4], sequence, 0, RST),
        ]

    def _is_blocked(self, flow: Flow) -> bool:
        try:
            found = find_name(flow.start)
        except NoNameError:
            flow.decided, flow.start = True, b""
            return False
        if found is None:
            return False
        flow.decided, flow.start = True, b""
        kind, names = ("cut_sni", self.rules.cut_sni) if found.source == "sni" else ("cut_host", self.rules.cut_host)
        if not _is_under(found.name, names):
            return False
        self.counts[kind] += 1
        return True


def _is_under(name: str, names: tuple[str, ...]) -> bool:
    return any(name == each or name.endswith("." + each) for each in names)
