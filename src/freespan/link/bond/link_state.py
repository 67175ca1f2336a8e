"""The state of one link of a bond: what is in flight on it, and when its silence is suspicious. Pure."""

from __future__ import annotations

import math
from collections import deque

from freespan.link.bond.congestion import CongestionController, Phase, SendState
from freespan.link.bond.loss_signals import LossSignals
from freespan.link.bond.record_protection import RecordProtection
from freespan.link.bond.send_buffer import Packet
from freespan.link.bond.settings import BondSettings
from freespan.wire.errors import MessageError

_SUSPECT_RTTS = 4
_LOSSY_SECONDS = 10.0
"""A link is lossy for this long after a loss signal."""
_SUSPECT_MIN_LOSSY_SECONDS = 1.0
"""On a lossy link SCTP waits for its own timers now and then, and what is sent again meanwhile arrives twice."""


class InFlight:
    """A message that the other end will acknowledge; `packet` is None for a PING alone."""

    __slots__ = ("is_expected", "packet", "sent")

    def __init__(self, sent: SendState, packet: Packet | None) -> None:
        self.sent = sent
        self.packet = packet
        self.is_expected = packet is not None
        """Whether the packet is still expected to arrive by this message."""


class LinkState:
    """One link; times in seconds, sizes in bytes. Messages with a packet or a PING are ack-eliciting (RFC 9000)."""

    def __init__(
        self,
        number: int,
        protection: RecordProtection,
        congestion: CongestionController,
        now: float,
        settings: BondSettings,
    ) -> None:
        self.number = number
        self.protection = protection
        self.congestion = congestion
        self.has_joined = False
        """Whether the other end is known to take part."""
        self.is_suspected = False
        """Whether it owes an acknowledgement and is silent."""
        self.is_lagging = False
        """Whether it is alive, but far slower than it promised."""
        self.queue_left = 0
        """How many bytes the link's own queue takes (`Link.send_credit`), as far as it is known."""
        self.received_count = 0
        """How many ack-eliciting messages have arrived: what is acknowledged to the other end."""
        self.acked_count = 0
        """How many ack-eliciting messages the other end is known to have."""
        self.packets_received = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.opened_at = now
        self.received_at = now
        """When the last message arrived."""
        self.packet_received_at = now
        """When the last message with a packet arrived."""
        self.acked_at = now
        """When a message was acknowledged for the last time."""
        self.sent_at = now
        """When the last ack-eliciting message was sent."""
        self.probed_at = -math.inf
        """When the last PING was sent."""
        self.min_rtt_ever = math.inf
        """The smallest round-trip time ever seen: how long SCTP takes to repair a loss, whatever waits above it now."""
        self.received_loss = LossSignals()
        """Loss signals on the way here."""
        self.sent_loss = LossSignals()
        """Loss signals on the way to the other end."""
        self._in_flight: deque[InFlight] = deque()
        self._sent_count = 0
        self._suspect_min_seconds = settings.suspect_min_seconds
        self._suspect_max_seconds = settings.suspect_max_seconds

    # --- in flight -----------------------------------------------------------------------------------
    @property
    def in_flight_since(self) -> float:
        """When the oldest message in flight was sent; infinite when there is none."""
        return self._in_flight[0].sent.sent_at if self._in_flight else math.inf

    def on_sent(self, packet: Packet | None, size: int, now: float) -> None:
        """An ack-eliciting message of `size` bytes leaves."""
        self._in_flight.append(InFlight(self.congestion.on_sent(size, now), packet))
        self._sent_count += 1
        self.sent_at = now
        if packet is not None:
            packet.copies += 1
            packet.was_sent = True

    def on_ack(self, count: int, now: float) -> bool:
        """The other end has `count` messages; true when that is new.

        Raises `MessageError` when fewer were sent.
        """
        newly_acked = count - self.acked_count
        if newly_acked <= 0:
            return False  # an acknowledgement that took a slower link than a later one
        if count > self._sent_count:
            raise MessageError("bond", "an acknowledgement of what was never sent")
        self.acked_count = count
        in_flight, congestion = self._in_flight, self.congestion
        sent_at = now
        for _ in range(newly_acked):
            message = in_flight.popleft()
            congestion.on_acked(message.sent, now)
            sent_at = message.sent.sent_at
            packet = message.packet
            if packet is not None:
                if message.is_expected:
                    packet.copies -= 1
                packet.is_acked = True
                packet.data = b""
        congestion.on_rtt_sample(now - sent_at, now)
        self.min_rtt_ever = min(self.min_rtt_ever, now - sent_at)
        self.acked_at = now
        self.is_suspected = False
        return True

    def give_up(self, before: float = math.inf) -> list[Packet]:
        """Stop expecting the messages sent up to `before`. Returns the packets that no other link carries."""
        packets = []
        for message in self._in_flight:
            if message.sent.sent_at > before:
                break
            packet = message.packet
            if packet is None or not message.is_expected:
                continue
            message.is_expected = False
            packet.copies -= 1
            if not packet.is_acked and not packet.copies:
                packets.append(packet)
        return packets

    # --- silence -------------------------------------------------------------------------------------
    def silent_for(self, now: float) -> float:
        """How long nothing has been acknowledged although something should have been."""
        return max(0.0, now - max(self.acked_at, self.in_flight_since))

    @property
    def suspect_after(self) -> float:
        """The silence after which it is suspected."""
        round_trips = _SUSPECT_RTTS * self.congestion.min_rtt or self._suspect_max_seconds
        is_lossy = self.acked_at - self.sent_loss.seen_at < _LOSSY_SECONDS
        least = _SUSPECT_MIN_LOSSY_SECONDS if is_lossy else self._suspect_min_seconds
        return min(max(round_trips, least), self._suspect_max_seconds)

    # --- what the scheduler asks -----------------------------------------------------------------------
    @property
    def cwnd_left(self) -> int:
        """How much more may be in flight."""
        return self.congestion.cwnd - self.congestion.in_flight

    def seconds_to_ack(self, size: int) -> float:
        """How long the acknowledgement of a message takes that leaves now: what is in flight comes first."""
        congestion = self.congestion
        if not congestion.rate:
            return congestion.min_rtt
        return max(congestion.min_rtt, (congestion.in_flight + size) / congestion.rate)

    def hoped_seconds_to_ack(self, size: int) -> float:
        """The same, but during startup the rate is only a lower bound, which grows if the link is used."""
        return self.congestion.min_rtt if self.congestion.phase is Phase.STARTUP else self.seconds_to_ack(size)
