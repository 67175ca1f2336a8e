"""How much may be on its way: congestion control for a pipe whose hops are reliable.

SCTP and TCP look after the network, hop by hop, so QUIC never sees loss and cannot learn from it. What it has to decide
is how much may wait between the two ends, most of it in a volunteer's browser: enough to keep the pipe full, and no
more, or every other stream waits behind it. So, as BBR does (Cardwell et al., ACM Queue 2016):

    window = delivery rate x (smallest round trip x 1.25 + 15 ms)

The 15 ms cover what is not network: event loops that wake up in turn. On a fast path they dominate, on a slow one they
add little. The delivery rate is that of the acknowledgements or that of the sending, whichever is less: a client that
was held up for a moment acknowledges a heap of packets at once, and that says nothing about the pipe. The window never
makes the link's own queue overflow: it is capped by the `room` that the link reports.

    STARTUP ── the rate stops growing by a quarter for three round trips ──▶ STEADY
    STEADY  ── 10 s without a new smallest round trip ──▶ DRAIN (half a pipe, until that comes back) ──▶ STEADY
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from aioquic.quic.congestion.base import QuicCongestionControl, register_congestion_control
from aioquic.quic.packet_builder import QuicSentPacket

from freespan.wire.limits import DATAGRAM_SIZE, FLIGHT_MAX, FLIGHT_MIN

NAME = "freespan-pipe"
_ROUND_TRIP_GAIN = 1.25
_SLACK_SECONDS = 0.015
_RATE_ROUNDS = 10
_RATE_SECONDS = 2.0
"""The best rate of so many round trips counts; of fewer, but three, where a queue makes them long: what is older than
so many seconds, or than so many of the smallest round trips, does not count."""
_MIN_ROUND_TRIP_SECONDS = 10.0
_START_WINDOW = 16 * DATAGRAM_SIZE
_STARTUP_GAIN = 3
"""Room to double in each round trip while the rate grows, and a bound to the queue once it does not."""
_DRAIN_GAIN = 0.6
"""A little more than half of what the pipe holds leaves no queue, costs a long pipe less than to run dry, and makes the
burst smaller with which it is filled again."""
_GROWTH = 1.25
_ROUNDS_WITHOUT_GROWTH = 3


class Phase(Enum):
    """The three states of the picture above."""

    STARTUP = "startup"
    STEADY = "steady"
    DRAIN = "drain"


class _Departure(NamedTuple):
    """How things stood when a packet left (draft-cheng-iccrg-delivery-rate-estimation, section 3)."""

    delivered: int
    delivered_at: float
    sending_since: float
    starved: bool


class PipeControl(QuicCongestionControl):
    """One instance a connection, made by aioquic under the name `freespan-pipe`; sizes in bytes, times in seconds."""

    def __init__(self, *, max_datagram_size: int) -> None:
        self.window = _START_WINDOW
        self.room = FLIGHT_MAX
        self.phase = Phase.STARTUP
        self.bytes_in_flight = 0
        self._datagram = max_datagram_size
        self._delivered = 0
        self._delivered_at = 0.0
        self._sending_since = 0.0
        self._sent: dict[int, _Departure] = {}
        self._round_ends_at = 0
        self._rates: deque[float] = deque([0.0])
        self._rates_began: deque[float] = deque([0.0])
        self._best_startup_rate = 0.0
        self._rounds_without_growth = 0
        self._round_trip = float("inf")
        self._round_trip_at = 0.0
        self._knows_rate = False
        self._window_before_drain = 0
        self._drained_at = float("inf")

    @property
    def congestion_window(self) -> int:  # type: ignore[override]  # aioquic has a plain attribute
        """What may be in flight now: whole datagrams only, since small ones cost as much as big ones."""
        allowed = min(self.window - self.bytes_in_flight, self.room)
        return self.bytes_in_flight + max(0, allowed // self._datagram * self._datagram)

    @property
    def round_trip(self) -> float:
        """The smallest round trip of late, in seconds; 0 before any was seen."""
        return self._round_trip if math.isfinite(self._round_trip) else 0.0

    @property
    def rate(self) -> float:
        """Bytes per second that the pipe has delivered at best in the last round trips."""
        return max(self._rates)

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        """Remember what had been delivered when this packet left."""
        if self.bytes_in_flight == 0:
            self._delivered_at = self._sending_since = packet.sent_time or 0.0  # idle time is not the pipe's slowness
        self.bytes_in_flight += packet.sent_bytes
        starved = self.bytes_in_flight < self.window // 2
        if self.phase is Phase.DRAIN:
            starved = True  # the flight says nothing about the rate now
            if self.bytes_in_flight <= self.window:
                self._drained_at = min(self._drained_at, packet.sent_time or 0.0)
        self._sent[packet.packet_number] = _Departure(self._delivered, self._delivered_at, self._sending_since, starved)

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        """Learn the rate from each acknowledgement, and set the window."""
        self.bytes_in_flight -= packet.sent_bytes
        self._delivered += packet.sent_bytes
        self._delivered_at = now
        before = self._sent.pop(packet.packet_number, None)
        if before is None:
            return
        sent_at = packet.sent_time or 0.0
        seconds = max(now - before.delivered_at, sent_at - before.sending_since, 0.001)
        rate = (self._delivered - before.delivered) / seconds
        self._sending_since = sent_at
        if before.delivered >= self._round_ends_at:
            self._end_round(now, before.starved)
        if not before.starved or rate > self.rate:
            self._rates[-1] = max(self._rates[-1], rate)
        self._knows_rate = self._knows_rate or not before.starved
        self._set_window(0 if before.starved else packet.sent_bytes)

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        """Packets that need no acknowledgement any more leave the flight."""
        for packet in packets:
            self.bytes_in_flight -= packet.sent_bytes
            self._sent.pop(packet.packet_number, None)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        """A loss on reliable hops is a hop that died or a late acknowledgement: it says nothing about the rate."""
        self.on_packets_expired(packets=packets)

    def on_persistent_congestion(self) -> None:
        """Nothing came back for long: begin anew."""
        self.window = _START_WINDOW
        self.phase = Phase.STARTUP
        self._best_startup_rate = 0.0
        self._rounds_without_growth = 0
        self._knows_rate = False

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
        """Keep the smallest round trip of the last ten seconds; when it gets old, drain the pipe to see it again."""
        if self.phase is Phase.DRAIN:
            if now - rtt >= self._drained_at:  # sent into the drained pipe; earlier ones have seen the queue
                self._round_trip, self._round_trip_at = rtt, now
                self.phase, self.window = Phase.STEADY, min(self._window_before_drain, self._wanted(1))
        elif rtt <= self._round_trip:
            self._round_trip, self._round_trip_at = rtt, now
        elif self.phase is Phase.STEADY and now - self._round_trip_at > _MIN_ROUND_TRIP_SECONDS:
            self._window_before_drain, self._drained_at = self.window, float("inf")
            self.phase = Phase.DRAIN
            careful_rate = min((rate for rate in self._rates if rate), default=0.0)  # it may have dropped since
            self.window = max(FLIGHT_MIN, int(_DRAIN_GAIN * careful_rate * self._round_trip))

    def _end_round(self, now: float, starved: bool) -> None:
        self._round_ends_at = self._delivered
        if self.phase is Phase.STARTUP and not starved:
            if self.rate >= self._best_startup_rate * _GROWTH:
                self._best_startup_rate = self.rate
                self._rounds_without_growth = 0
            else:
                self._rounds_without_growth += 1
                if self._rounds_without_growth >= _ROUNDS_WITHOUT_GROWTH:
                    self.phase = Phase.STEADY
        if not starved:
            self._rates.append(0.0)
            self._rates_began.append(now)
            oldest = now - max(_RATE_SECONDS, _RATE_ROUNDS * self.round_trip)
            while len(self._rates) > _RATE_ROUNDS or (len(self._rates) > 3 and self._rates_began[0] < oldest):
                self._rates.popleft()
                self._rates_began.popleft()

    def _set_window(self, growth: int) -> None:
        """Grow by at most what was acknowledged, and not for a sender that did not use what it had."""
        if self.phase is Phase.STARTUP:
            least = 0 if self._knows_rate else _START_WINDOW
            self.window = min(self.window + growth, max(least, self._wanted(_STARTUP_GAIN)))
        elif self.phase is Phase.STEADY:
            self.window = min(self.window + growth, self._wanted(1))

    def _wanted(self, gain: int) -> int:
        wanted = gain * self.rate * (self._round_trip * _ROUND_TRIP_GAIN + _SLACK_SECONDS)
        return int(max(FLIGHT_MIN, min(wanted, FLIGHT_MAX)))


register_congestion_control(NAME, PipeControl)
