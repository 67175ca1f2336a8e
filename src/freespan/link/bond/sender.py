"""The sending side of a bond: packets, acknowledgements, probes and reports become messages of its links. Pure.

packets ──▶ SendBuffer ──▶ Scheduler ──▶ a link ──▶ RecordProtection ──▶ Transmit
                ▲                                        ▲
                │ acknowledged, or given up              │ pending acknowledgements, PING, CLOSED, BYE
"""

from __future__ import annotations

from collections.abc import Iterable

from freespan.link.bond.acks import PendingAcks
from freespan.link.bond.events import EventQueue, Transmit, Writable
from freespan.link.bond.health import HealthMonitor
from freespan.link.bond.link_state import LinkState
from freespan.link.bond.link_table import LinkTable
from freespan.link.bond.loss_detector import LossDetector
from freespan.link.bond.scheduler import OVERHEAD, Scheduler
from freespan.link.bond.send_buffer import Packet, SendBuffer
from freespan.wire.bond_frames import Counts, Frames, encode
from freespan.wire.limits import DATAGRAM_SIZE

_ACK_TWICE_SECONDS = 0.1
"""At least this often, an acknowledgement is sent on two links: the one that carries them all may have died."""
_PROBE_WITH_ACK_SECONDS = 0.5
"""A link that carries acknowledgements and nothing else is probed this often, with a PING beside them."""
_PIGGYBACK_RTT_SECONDS = 0.005
"""An acknowledgement is piggybacked if the packet's link is not slower than the fastest one by more than this."""


class Sender:
    """Appends what it decides to `events`; times in seconds, sizes in bytes."""

    def __init__(
        self,
        links: LinkTable,
        health: HealthMonitor,
        loss: LossDetector,
        events: EventQueue,
        spread_seconds: float,
    ) -> None:
        self.buffer = SendBuffer()
        self.acks = PendingAcks()
        self._links = links
        self._health = health
        self._loss = loss
        self._events = events
        self._scheduler = Scheduler(spread_seconds)
        self._credit_left = 0
        """The send credit that the owner was given, less what it has sent since."""
        self._is_writable_reported = False
        self._acked_twice_at = float("-inf")

    # --- packets ---------------------------------------------------------------------------------------
    def send_credit(self, now: float) -> int:
        """The owner asks how many bytes it may send now, in whole packets."""
        self._is_writable_reported = False
        self._credit_left = self._credit(now)
        return self._credit_left

    def send(self, data: bytes, now: float) -> None:
        """Send a packet, or let it wait for a link."""
        self._credit_left -= len(data)
        buffer = self.buffer
        packet = buffer.accept(data)
        if buffer.next_waiting() is None and buffer.may_send(packet):
            link = self._scheduler.choose(self._links.usable, len(data), now)
            if link is not None:
                self._send_on(link, packet, now)
                return
            self._events.asks_queues = True
        buffer.wait(packet)

    def send_again(self, packets: Iterable[Packet]) -> None:
        """No link carries these packets any more."""
        for packet in packets:
            self.buffer.wait(packet)

    def flush_soon(self) -> None:
        """Ask for what the queues take if packets wait, or if the owner has used up its send credit."""
        if self._is_blocked or self.is_waiting:
            self._events.asks_queues = True

    def flush(self, now: float) -> None:
        """Give waiting packets to links as far as these take them, and report to a blocked owner that it may send."""
        self._send_waiting(now)
        if self._is_blocked and self._credit(now):
            self._is_writable_reported = True
            self._events.append(Writable())

    def _send_waiting(self, now: float) -> None:
        buffer = self.buffer
        while (packet := buffer.next_waiting()) is not None and buffer.may_send(packet):
            link = self._scheduler.choose(self._links.usable, len(packet.data), now)
            if link is None:
                return
            buffer.on_leaving(packet)
            self._send_on(link, packet, now)

    @property
    def is_waiting(self) -> bool:
        """Whether packets wait for a link."""
        return self.buffer.next_waiting() is not None

    @property
    def _is_blocked(self) -> bool:
        """Whether the owner has used up its send credit, and no new credit has been reported to it."""
        return self._credit_left < DATAGRAM_SIZE and not self._is_writable_reported

    def _credit(self, now: float) -> int:
        if self.is_waiting:
            return 0
        credit = min(self._scheduler.send_credit(self._links.usable, now), self.buffer.span_left)
        return credit if credit >= DATAGRAM_SIZE else 0

    def _send_on(self, link: LinkState, packet: Packet, now: float) -> None:
        counts: Counts = ()
        if self.acks.should_piggyback and self._is_fast(link):
            counts = self._counts()
            self.acks.on_piggybacked(link.number)
        self.transmit(link, Frames(counts, (), False, False, packet.number, packet.data), packet, now)

    def _is_fast(self, link: LinkState) -> bool:
        return link.congestion.min_rtt <= self._links.usable[0].congestion.min_rtt + _PIGGYBACK_RTT_SECONDS

    # --- messages --------------------------------------------------------------------------------------
    def transmit(self, link: LinkState, frames: Frames, packet: Packet | None, now: float) -> None:
        """Send one message on a link; `packet` is the one in `frames`, if there is one."""
        message = link.protection.protect(encode(frames))
        size = len(message)
        link.queue_left -= size
        link.bytes_sent += size
        if packet is not None or frames.ping:
            link.on_sent(packet, size, now)
            self._health.check_soon(now)
            if frames.ping:
                link.probed_at = now
        self._events.append(Transmit(link.number, message))
        if link.queue_left < DATAGRAM_SIZE <= link.queue_left + size:  # else its `on_writable` will come
            self._events.asks_queues = True

    def send_control(self, link: LinkState, now: float, *, ping: bool = False) -> None:
        """Send a message without a packet: acknowledgements and unreported closed links, and a PING if asked."""
        reports: Counts = ()
        if link.protection.protects_sent and link.has_joined:
            reports = self._links.closed.take_reports()
        counts = self._counts()
        if counts or reports or ping:
            self.transmit(link, Frames(counts, reports, ping), None, now)

    # --- acknowledgements ------------------------------------------------------------------------------
    def send_acks(self, now: float) -> None:
        """Acknowledge all that has arrived, on the links that asked for it and on the fastest one."""
        acks = self.acks
        links = [self._links.open[number] for number in acks.pinged_links if number in self._links.open]
        fastest = sorted(self._links.usable, key=lambda link: link.seconds_to_ack(OVERHEAD))
        if fastest and fastest[0] not in links:
            links.append(fastest[0])
        if len(fastest) > 1 and acks.has_packets and now - self._acked_twice_at >= _ACK_TWICE_SECONDS:
            self._acked_twice_at = now
            if fastest[1] not in links:
                links.append(fastest[1])
        has_packets = acks.has_packets
        acks.on_sent()
        for link in links:
            self.send_control(link, now, ping=has_packets and now - link.sent_at >= _PROBE_WITH_ACK_SECONDS)

    def on_acks(self, counts: Counts, now: float, overdue: float) -> None:
        """The other end acknowledges messages of any links. Raises `MessageError`."""
        if not self._is_writable_reported:  # else the owner has not had its turn, and may have more to send or not
            self._scheduler.on_ack(now, is_used_up=self._credit_left < DATAGRAM_SIZE)
        self._loss.on_acks(now, overdue)
        is_new = has_changed = False
        for number, count in counts:
            link = self._links.find(number)
            if link is not None:
                has_changed |= link.is_suspected or not link.congestion.min_rtt
                self._loss.on_ack(link, count, now)
                is_new |= link.on_ack(count, now)
        if not is_new:
            return
        self.buffer.forget_acked()
        if has_changed:
            self._links.choose_usable()
        self.flush_soon()

    def _counts(self) -> Counts:
        return tuple((link.number, link.received_count) for link in self._links if link.received_count)
