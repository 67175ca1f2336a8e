"""One link of a bond: its window, what is on its way over it, and whether it can be trusted. Pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from freespan.link.bond.congestion import CongestionController, Departure, Phase
from freespan.link.bond.envelope import Envelope
from freespan.link.bond.loss_signals import LossSignals
from freespan.link.bond.sending import Packet
from freespan.wire.errors import MessageError
from freespan.wire.limits import LINK_SUSPECT_MAX_SECONDS, LINK_SUSPECT_MIN_SECONDS

_SUSPECT_ROUND_TRIPS = 4
_STALLED_LATELY_SECONDS = 10.0
_STALLING_SECONDS = 1.0
"""On a lossy road SCTP waits for its own timers now and then; what comes anyway would be sent twice."""


class Counted:
    """A message on its way that the other end will count; `packet` is None for a mere PING."""

    __slots__ = ("departure", "packet", "trusted")

    def __init__(self, departure: Departure, packet: Packet | None) -> None:
        self.departure = departure
        self.packet = packet
        self.trusted = packet is not None


class Member:
    """The state of one link; times in seconds."""

    def __init__(self, number: int, envelope: Envelope, window: CongestionController, now: float) -> None:
        self.number = number
        self.envelope = envelope
        self.window = window
        self.joined = False
        """Whether the other end is known to take part."""
        self.suspect = False
        """Silent although it owes an acknowledgement."""
        self.late = False
        """Alive, but far slower than it promised."""
        self.send_credit = 0
        """What the link's own queue takes, when last asked."""
        self.received = 0
        """Counted messages that have come."""
        self.packets_received = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.opened_at = now
        self.counted_at = now
        """When the last counted message was sent,"""
        self.heard_at = now
        """when any message came,"""
        self.packet_heard_at = now
        """when one with a packet came,"""
        self.progress_at = now
        """when something was acknowledged,"""
        self.probed_at = -math.inf
        """and when a PING was sent."""
        self.lowest_rtt = math.inf
        """The smallest that was ever seen: what SCTP takes to repair a loss, whatever waits above it now."""
        self.arriving = LossSignals()
        """Signs of loss on the way here,"""
        self.leaving = LossSignals()
        """and on the way there."""
        self._flight: deque[Counted] = deque()
        self._sent = 0
        self.acked = 0
        """Counted messages that the other end is known to have."""

    # --- the flight --------------------------------------------------------------------------
    @property
    def waiting_since(self) -> float:
        """When the first message that is not acknowledged was sent; infinite when there is none."""
        return self._flight[0].departure.sent_at if self._flight else math.inf

    def sent(self, packet: Packet | None, size: int, now: float) -> None:
        """A counted message of `size` bytes leaves."""
        self._flight.append(Counted(self.window.sent(size, now), packet))
        self._sent += 1
        self.counted_at = now
        if packet is not None:
            packet.copies += 1
            packet.was_sent = True

    def acknowledge(self, count: int, now: float) -> bool:
        """The other end has `count` messages; true when that is news.

        Raises `MessageError` when fewer were sent.
        """
        fresh = count - self.acked
        if fresh <= 0:
            return False  # an acknowledgement that another link has overtaken
        if count > self._sent:
            raise MessageError("bond", "an acknowledgement of what was never sent")
        self.acked = count
        flight, window = self._flight, self.window
        sent_at = now
        for _ in range(fresh):
            counted = flight.popleft()
            window.acked(counted.departure, now)
            sent_at = counted.departure.sent_at
            packet = counted.packet
            if packet is not None:
                if counted.trusted:
                    packet.copies -= 1
                packet.acked = True
                packet.data = b""
        window.on_rtt_sample(now - sent_at, now)
        self.lowest_rtt = min(self.lowest_rtt, now - sent_at)
        self.progress_at = now
        self.suspect = False
        return True

    def give_up(self, before: float = math.inf) -> Iterator[Packet]:
        """Trust no more in what was sent until `before`; yields the packets that no other link carries."""
        for counted in self._flight:
            if counted.departure.sent_at > before:
                return
            packet = counted.packet
            if packet is None or not counted.trusted:
                continue
            counted.trusted = False
            packet.copies -= 1
            if not packet.acked and not packet.copies:
                yield packet

    # --- trust -------------------------------------------------------------------------------
    def silence(self, now: float) -> float:
        """How long nothing has been acknowledged although something should have been."""
        return max(0.0, now - max(self.progress_at, self.waiting_since))

    @property
    def patience(self) -> float:
        """The silence after which it is suspect."""
        round_trips = _SUSPECT_ROUND_TRIPS * self.window.min_rtt or LINK_SUSPECT_MAX_SECONDS
        loss_signals = self.progress_at - self.leaving.seen_at < _STALLED_LATELY_SECONDS
        least = _STALLING_SECONDS if loss_signals else LINK_SUSPECT_MIN_SECONDS
        return min(max(round_trips, least), LINK_SUSPECT_MAX_SECONDS)

    # --- where a packet goes -----------------------------------------------------------------
    @property
    def window_left(self) -> int:
        """How much more may be on its way."""
        return self.window.window - self.window.in_flight

    def arrival(self, size: int) -> float:
        """When a packet that leaves now is acknowledged: after what is before it, and after a round trip at least."""
        window = self.window
        if not window.rate:
            return window.min_rtt
        return max(window.min_rtt, (window.in_flight + size) / window.rate)

    def hopeful_arrival(self, size: int) -> float:
        """The same, but while it starts up its rate says little: it is a lower bound that grows by being used."""
        return self.window.min_rtt if self.window.phase is Phase.STARTUP else self.arrival(size)
