"""The window of one link (`link/window.py`) as a congestion control that aioquic can use.

The window never makes the link's own queue overflow: it is capped by the `room` that the link reports.
"""

from __future__ import annotations

from collections.abc import Iterable

from aioquic.quic.congestion.base import QuicCongestionControl, register_congestion_control
from aioquic.quic.packet_builder import QuicSentPacket

from freespan.link.window import Departure, LinkWindow
from freespan.wire.limits import FLIGHT_MAX

NAME = "freespan-pipe"


class PipeControl(QuicCongestionControl):
    """One instance a connection, made by aioquic under the name `freespan-pipe`; sizes in bytes, times in seconds."""

    def __init__(self, *, max_datagram_size: int) -> None:
        self.pipe = LinkWindow()
        self.room = FLIGHT_MAX
        self._datagram = max_datagram_size
        self._sent: dict[int, Departure] = {}  # by the identity of the packet: numbers repeat in each epoch

    @property
    def bytes_in_flight(self) -> int:  # type: ignore[override]  # as the next one
        """What has been sent and not yet acknowledged."""
        return self.pipe.in_flight

    @property
    def congestion_window(self) -> int:  # type: ignore[override]  # aioquic has a plain attribute
        """What may be in flight now: whole datagrams only, since small ones cost as much as big ones."""
        allowed = min(self.pipe.window - self.bytes_in_flight, self.room)
        return self.bytes_in_flight + max(0, allowed // self._datagram * self._datagram)

    @property
    def round_trip(self) -> float:
        """The smallest round trip of late, in seconds; 0 before any was seen."""
        return self.pipe.round_trip

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        """A packet leaves."""
        self._sent[id(packet)] = self.pipe.sent(packet.sent_bytes, packet.sent_time or 0.0)

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        """A packet has arrived."""
        self.pipe.acked(self._sent.pop(id(packet)), now)

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        """Packets that need no acknowledgement any more leave the flight."""
        for packet in packets:
            self.pipe.expired(self._sent.pop(id(packet)))

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        """A loss on reliable hops is a hop that died or a late acknowledgement: it says nothing about the rate."""
        self.on_packets_expired(packets=packets)

    def on_persistent_congestion(self) -> None:
        """Nothing came back for long: begin anew."""
        self.pipe.begin_anew()

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
        """One round trip, once an acknowledgement."""
        self.pipe.saw_round_trip(rtt, now)


register_congestion_control(NAME, PipeControl)
