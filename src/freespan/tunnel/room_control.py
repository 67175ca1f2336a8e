"""A congestion control for aioquic that sends what the link below has room for.

The link, a bond, knows how much may be on its way on each of its own links (`link/bond/congestion.py`), and it loses nothing.
Two controllers above each other would fight.
"""

from __future__ import annotations

from collections.abc import Iterable

from aioquic.quic.congestion.base import QuicCongestionControl, register_congestion_control
from aioquic.quic.packet_builder import QuicSentPacket

NAME = "freespan-room"
_ROUND_TRIP_SECONDS = 10.0
"""A smallest round trip counts for so long."""


class RoomControl(QuicCongestionControl):
    """One instance a connection, made by aioquic under the name `freespan-room`; sizes in bytes, times in seconds."""

    def __init__(self, *, max_datagram_size: int) -> None:
        self.bytes_in_flight = 0
        self.send_credit = max_datagram_size
        self.min_rtt = 0.0
        """The smallest round trip of late, queues of the way included; 0 before any was seen."""
        self._datagram = max_datagram_size
        self._round_trip_at = 0.0

    @property
    def congestion_window(self) -> int:  # type: ignore[override]  # aioquic has a plain attribute
        """What may be in flight now: whole datagrams only, since small ones cost as much as big ones."""
        return self.bytes_in_flight + max(0, self.send_credit // self._datagram * self._datagram)

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        """A packet leaves."""
        self.bytes_in_flight += packet.sent_bytes

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        """A packet has arrived."""
        self.bytes_in_flight -= packet.sent_bytes

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        """Packets that need no acknowledgement any more leave the flight."""
        self.bytes_in_flight -= sum(packet.sent_bytes for packet in packets)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        """A loss on a reliable link is a late acknowledgement: it says nothing about the rate."""
        self.on_packets_expired(packets=packets)

    def on_persistent_congestion(self) -> None:
        """A bond that waits for a link says nothing for long: that is no congestion."""

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
        """Keep the smallest one."""
        if not self.min_rtt or rtt <= self.min_rtt or now - self._round_trip_at > _ROUND_TRIP_SECONDS:
            self.min_rtt, self._round_trip_at = rtt, now


register_congestion_control(NAME, RoomControl)
