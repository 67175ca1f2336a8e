"""Congestion control for aioquic that follows the send credit of the link below.

That link is a bond. It loses nothing, and it has a congestion window for each of its own links
(`link/bond/congestion.py`). A second controller above those would only fight them, so this one has no window of its
own: it lets through what the bond has credit for, unless the other end acknowledges nothing for far too long.
"""

from __future__ import annotations

from collections.abc import Iterable

from aioquic.quic.congestion.base import QuicCongestionControl, register_congestion_control
from aioquic.quic.packet_builder import QuicSentPacket

from freespan.wire.limits import BOND_SPAN_MAX

NAME = "freespan-send-credit"
"""The name under which aioquic finds this algorithm."""
IN_FLIGHT_MAX = 4 * BOND_SPAN_MAX
"""Bytes that the other end may leave unacknowledged. A bond has `BOND_SPAN_MAX` in flight at most, and QUIC's own
acknowledgement comes a round trip later, so an honest end never leaves so many."""
PACKETS_IN_FLIGHT_MAX = 4_096
"""The same for packets: each acknowledgement looks at all of them."""
FRAMES_IN_FLIGHT_MAX = 8_192
"""The same for the frames in them, since a packet can have a hundred small ones, and something is kept for each."""
_MIN_RTT_SECONDS = 10.0
"""A measurement may replace a smaller `min_rtt` that is older than this."""


class SendCreditControl(QuicCongestionControl):
    """One instance for each connection, made by aioquic. Sizes are in bytes, times in seconds."""

    def __init__(self, *, max_datagram_size: int) -> None:
        self.bytes_in_flight = 0
        self.frames_in_flight = 0
        self._packets_in_flight = 0
        self.send_credit = max_datagram_size
        """What the link below takes now; whoever asks for datagrams sets it first."""
        self.min_rtt = 0.0
        """The smallest round-trip time of late, with the queues on the way; 0 before the first measurement."""
        self._datagram = max_datagram_size
        self._min_rtt_at = 0.0

    @property
    def congestion_window(self) -> int:  # type: ignore[override]  # aioquic has a plain attribute
        """What may be in flight now: whole datagrams only, since small ones cost as much as big ones."""
        if (
            self.bytes_in_flight >= IN_FLIGHT_MAX
            or self._packets_in_flight >= PACKETS_IN_FLIGHT_MAX
            or self.frames_in_flight >= FRAMES_IN_FLIGHT_MAX
        ):
            return self.bytes_in_flight
        return self.bytes_in_flight + max(0, self.send_credit // self._datagram * self._datagram)

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        """Count a packet as in flight."""
        self.bytes_in_flight += packet.sent_bytes
        self.frames_in_flight += len(packet.delivery_handlers)
        self._packets_in_flight += 1

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        """Count a packet as arrived."""
        self._forget(packet)

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        """Forget packets whose keys were discarded before they were acknowledged."""
        for packet in packets:
            self._forget(packet)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        """Forget packets only: on a reliable link a loss is a late acknowledgement, and says nothing of the rate."""
        self.on_packets_expired(packets=packets)

    def on_persistent_congestion(self) -> None:
        """Do nothing: a bond that waits for a link is silent for long, and that is no congestion."""

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
        """Keep the smallest measurement of late."""
        if not self.min_rtt or rtt <= self.min_rtt or now - self._min_rtt_at > _MIN_RTT_SECONDS:
            self.min_rtt, self._min_rtt_at = rtt, now

    def _forget(self, packet: QuicSentPacket) -> None:
        self.bytes_in_flight -= packet.sent_bytes
        self.frames_in_flight -= len(packet.delivery_handlers)
        self._packets_in_flight -= 1


register_congestion_control(NAME, SendCreditControl)
