"""The core of a bond: several links that act as one, without a clock and without a network. Pure.

Each method takes the time and returns the events that follow, in order; whoever calls it acts on them (`Bond` does).

    send ────▶ Sender ────────────────────────────────────────────▶ Transmit on a link
    receive ─▶ RecordProtection ─▶ frames ─┬─ packet ─▶ ReorderBuffer ─▶ Deliver
                                           ├─ acks ───▶ Sender ───▶ Transmit, Writable
                                           └─ closed ─▶ LinkTable ─▶ LinkClosed, Transmit
    timer ───▶ PendingAcks, HealthMonitor ──▶ Transmit, LinkSuspected, LinkClosed

Each link is reliable and ordered as long as it lives, so the other end acknowledges by counting: "so many messages have
arrived on link 3". What a link lost when it closed is then known exactly, and is sent again on the others.

    a link closes           its packets are sent again at once; CLOSED tells the other end, with the count
    it is suspected         its packets are sent again elsewhere, and it gets nothing new
    it is lagging           the same for overdue packets; it goes on with half its congestion window
    a record does not open  the link is closed at once
    no link is left         everything waits, up to five minutes, for a link that joins

How much a link's own queue takes is handed in (`set_send_credit`): before the owner asks for its send credit, and when
an event asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from freespan.link.bond.congestion import CWND_MIN, INITIAL_CWND, CongestionController
from freespan.link.bond.events import (
    ENDED,
    NO_LINK,
    OVERRUN,
    REPORTED_CLOSED,
    RESTARTED,
    SESSION_CLOSED,
    TAMPERED,
    BondOver,
    CoreEvent,
    CreditWanted,
    Deliver,
    Joinable,
    LinkClosed,
    LinkJoined,
    LinkSuspected,
)
from freespan.link.bond.health import HealthMonitor
from freespan.link.bond.link_state import LinkState
from freespan.link.bond.link_table import LinkTable
from freespan.link.bond.loss_detector import LossDetector
from freespan.link.bond.record_protection import RecordError, RecordProtection
from freespan.link.bond.reordering import ReorderBuffer
from freespan.link.bond.sender import Sender
from freespan.link.bond.session_key import Role, SessionKey, is_refusal
from freespan.link.bond.settings import BondSettings
from freespan.wire.bond_frames import REFUSED, UNKNOWN_SESSION, Frames, decode, decode_refused, opening_of
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import BOND_LINKS_MAX, PIPE_WAITING_MAX


@dataclass
class Counters:
    """How often something has happened to the links of a bond."""

    joined: int = 0
    closed: int = 0
    suspected: int = 0
    lagging: int = 0


class BondCore:
    """One end of a bond; times in seconds of any clock that does not go back.

    The egress has the session's key from the beginning; the client gets it inside QUIC, and calls `set_key`.
    """

    def __init__(
        self, role: Role, now: float, session: SessionKey | None = None, settings: BondSettings | None = None
    ) -> None:
        self.is_over = False
        self.is_joinable = False
        """Whether both ends protect their records, so that further links may join."""
        self.next_link = 1
        """The number of the next link that this client adds."""
        self.counters = Counters()
        self.links = LinkTable()
        self.reordering = ReorderBuffer()
        self._settings = settings or BondSettings()
        self._role = role
        self._session = session
        self._events: list[CoreEvent] = []
        self._loss = LossDetector(self.links)
        self._health = HealthMonitor(self._settings, now, probes=role is Role.CLIENT)
        self.sender = Sender(self.links, self._health, self._loss, self._events, self._settings.spread_seconds)
        self._without_link_since = now
        first = self._add(0, RecordProtection.first(role, 0), INITIAL_CWND, now)
        first.has_joined = True
        if session is not None:
            first.protection.set_key(session)
        self.links.usable = [first]

    # --- links -----------------------------------------------------------------------------------------
    def set_key(self, session: SessionKey, now: float) -> list[CoreEvent]:
        """The client has the key: from now on it protects all that it sends, and soon further links may join."""
        if self._session is not None:
            raise RuntimeError("a bond has one key")
        self._session = session
        first = self.links.open.get(0)
        if first is not None:
            first.protection.set_key(session)
            self.sender.send_control(first, now, ping=True)
        return self._take_events()

    def join(self, send_credit: int, now: float) -> list[CoreEvent]:
        """The client adds link `next_link`, whose queue takes `send_credit` bytes.

        Raises `LinkError` when no link can join now.
        """
        session = self._session_to_join()
        protection = RecordProtection.joining(self._role, self.next_link, session)
        link = self._add(self.next_link, protection, CWND_MIN, now)
        link.send_credit = send_credit
        self.next_link += 1
        self.sender.send_control(link, now, ping=True)
        return self._take_events()

    def accept(self, message: bytes, send_credit: int, now: float) -> list[CoreEvent]:
        """The egress takes a link whose first message is a JOIN, and whose queue takes `send_credit` bytes.

        Raises `LinkError` or `MessageError` when the link does not belong here, or has joined before.
        """
        session = self._session_to_join()
        join = opening_of(message)
        if join is None or join.session != session.id or not self.links.numbers.is_new(join.link):
            raise LinkError("the link does not join this session, or has done so before")
        protection = RecordProtection.joining(self._role, join.link, session)
        frames = decode(protection.unprotect(message))
        self.links.numbers.use(join.link)
        link = self._add(join.link, protection, CWND_MIN, now)
        link.send_credit = send_credit
        self._on_joined(link, now)
        packets: list[bytes] = []
        try:
            packets = self._on_frames(link, frames, now)
        except MessageError:
            self._close_link(link, TAMPERED, now)
        else:
            self.sender.send_control(link, now, ping=True)
        return self._take_events(packets)

    def on_closed(self, link: int, reason: str, now: float) -> list[CoreEvent]:
        """A link has closed by itself, or its user wants it to."""
        state = self.links.open.get(link)
        if state is not None:
            self._close_link(state, reason, now)
        return self._take_events()

    def close(self, now: float) -> list[CoreEvent]:
        """End the session with a goodbye (BYE) on each link."""
        for link in self.links:
            if link.has_joined or self._role is Role.CLIENT:  # after its JOIN, even if nothing has come back yet
                self.sender.transmit(link, Frames(bye=True), None, now)
        self.is_over = True
        return self._take_events()

    # --- send credit -----------------------------------------------------------------------------------
    def set_send_credit(self, link: int, credit: int) -> None:
        """The queue of a link takes so many bytes now (`Link.send_credit`)."""
        state = self.links.open.get(link)
        if state is not None:
            state.send_credit = credit

    def send_credit(self, now: float) -> int:
        """How many bytes the owner may send now, in whole packets."""
        return 0 if self.is_over else self.sender.grant(now)

    # --- packets ---------------------------------------------------------------------------------------
    def send(self, data: bytes, now: float) -> list[CoreEvent]:
        """Send a packet of 1 to `DATAGRAM_SIZE` bytes; without send credit it waits here."""
        if not self.is_over:
            self.sender.send(data, now)
            if self.sender.buffer.unsent_bytes > PIPE_WAITING_MAX:
                self._finish(OVERRUN)
        return self._take_events()

    def on_writable(self, now: float) -> list[CoreEvent]:
        """The send credit of all links has been handed in: send what waits, as far as they take it."""
        self.sender.flush(now)
        if not self.is_over:
            self.sender.report_writable(now)
        return self._take_events()

    def receive(self, link: int, message: bytes, now: float) -> list[CoreEvent]:
        """A message has arrived on a link."""
        state = self.links.open.get(link)
        if state is None or self.is_over:
            return []
        packets: list[bytes] = []
        try:
            packets = self._on_message(state, message, now)
        except (RecordError, MessageError):
            self._close_link(state, TAMPERED, now)
        return self._take_events(packets)

    # --- time ------------------------------------------------------------------------------------------
    @property
    def timer_at(self) -> float:
        """When `handle_timer` must be called at the latest."""
        return min(self.sender.acks.due_at, self._health.check_at)

    def handle_timer(self, now: float) -> list[CoreEvent]:
        """Do what is due."""
        if self.is_over:
            return []
        if self.sender.acks.due_at <= now:
            self.sender.send_acks(now)
        self._check_links(now)
        return self._take_events()

    # --- messages --------------------------------------------------------------------------------------
    def _on_message(self, link: LinkState, message: bytes, now: float) -> list[bytes]:
        protection = link.protection
        if not link.has_joined and message[0] == REFUSED:
            self._on_refused(link, message)
            return []
        was_protected = protection.protects_received
        frames = decode(protection.unprotect(message))
        if not was_protected:
            self._check_opening(link, frames, now)
        link.bytes_received += len(message)
        return self._on_frames(link, frames, now)

    def _on_frames(self, link: LinkState, frames: Frames, now: float) -> list[bytes]:
        """Returns the packets that can be delivered."""
        link.received_at = now
        if frames.acks:
            self.sender.on_acks(frames.acks, now, now - self.timer_at)
        for number, count in frames.closed:
            self._on_reported_closed(number, count, now)
        has_packet = frames.number >= 0
        # what is not accepted must not be counted, or nobody would send it again
        packets = self.reordering.receive(frames.number, frames.packet) if has_packet else []
        if has_packet or frames.ping:
            link.received_count += 1
            self.sender.acks.on_message(now, has_packet=has_packet)
        if has_packet:
            link.packets_received += 1
            self._loss.on_packet(link, frames.number, len(frames.packet), now, now - self.timer_at)
            link.packet_received_at = now
            self._health.check_soon(now)
        if frames.ping:
            self.sender.acks.on_ping(link.number, now)
        if frames.bye:
            self._finish(SESSION_CLOSED)
        return packets

    def _check_opening(self, link: LinkState, frames: Frames, now: float) -> None:
        """Check what precedes protection. The first protected record opens the bond to further links."""
        if not link.protection.protects_received:
            # there is one link, so nothing can be out of order or closed
            if frames.closed or (frames.number >= 0 and frames.number != link.packets_received):
                raise MessageError("bond", "an unprotected message contains what it may not")
            return
        if not link.has_joined:
            self._on_joined(link, now)
        if not self.is_joinable:
            self.is_joinable = True
            self._events.append(Joinable())

    def _on_refused(self, link: LinkState, message: bytes) -> None:
        assert self._session is not None
        refused = decode_refused(message)
        if not is_refusal(refused, self._session, link.number):
            raise RecordError
        self._finish(RESTARTED if refused.reason == UNKNOWN_SESSION else ENDED)

    def _on_reported_closed(self, number: int, count: int, now: float) -> None:
        link = self.links.find(number)
        if link is not None:
            link.on_ack(count, now)
            self.sender.buffer.forget_acked()
            if number in self.links.open:
                self._close_link(link, REPORTED_CLOSED, now)
            self.links.closed.on_reported(number)
        elif self._role is Role.EGRESS and self.links.numbers.is_new(number):
            self.links.numbers.use(number)  # the client gave it up before it came here; it must not join later
            self.links.closed.report(number, 0)
            self.sender.acks.send_at_once(now)

    # --- which links -----------------------------------------------------------------------------------
    def _session_to_join(self) -> SessionKey:
        if self._session is None or not self.is_joinable or self.is_over:
            raise LinkError("the session takes no further links now")
        if len(self.links) >= BOND_LINKS_MAX:
            raise LinkError("the session has as many links as it may have")
        return self._session

    def _add(self, number: int, protection: RecordProtection, cwnd: int, now: float) -> LinkState:
        link = LinkState(number, protection, CongestionController(cwnd), now, self._settings)
        self.links.open[number] = link
        self._health.check_soon(now)
        return link

    def _on_joined(self, link: LinkState, now: float) -> None:
        link.has_joined = True
        self.counters.joined += 1
        self.links.closed.report_again()
        self.sender.acks.send_at_once(now)
        self.links.choose_usable()
        self._events.append(LinkJoined(link.number))

    def _close_link(self, link: LinkState, reason: str, now: float) -> None:
        self.links.close(link)
        self.counters.closed += 1
        self.sender.send_again(link.give_up())
        self.sender.acks.send_at_once(now)
        for other in self.links:
            other.congestion.on_path_changed(now)  # its acknowledgements may take another link now
        self.links.choose_usable()
        self._events.append(LinkClosed(link.number, reason))
        if not self.links.usable:
            self._without_link_since = now
            self._health.check_soon(now)
            if not self.is_joinable:
                self._finish(reason)
                return
        if self.sender.is_waiting:
            self.sender.want_credit()

    def _check_links(self, now: float) -> None:
        findings = self._health.check_if_due(self.links.open.values(), now)
        if findings is None:
            return
        for link, before in findings.give_up:
            self.sender.send_again(link.give_up(before))
        for link in findings.lagging:
            link.congestion.on_lagging()
            self.counters.lagging += 1
        for link in findings.suspected:
            self.counters.suspected += 1
            self._events.append(LinkSuspected(link.number))
        for link, reason in findings.closed:
            self._close_link(link, reason, now)
        if self.is_over:
            return
        for link in findings.probe:
            if link.number in self.links.open:
                self.sender.send_control(link, now, ping=True)
        self.links.choose_usable()
        self._wait_for_links(now)
        if not self.is_over:
            self.sender.want_credit()

    def _wait_for_links(self, now: float) -> None:
        if self.links.usable:
            self._without_link_since = now
        elif now - self._without_link_since >= self._settings.wait_seconds:
            self._finish(NO_LINK)
        else:
            self._health.check_not_after(self._without_link_since + self._settings.wait_seconds)

    # --- events ----------------------------------------------------------------------------------------
    def _finish(self, reason: str) -> None:
        if not self.is_over:
            self.is_over = True
            self._events.append(BondOver(reason))

    def _take_events(self, packets: list[bytes] | None = None) -> list[CoreEvent]:
        """All events since the last call.

        What makes the driver call this core again comes last: records must be sent in the order of their numbers.
        """
        delivered: list[CoreEvent] = list(map(Deliver, packets)) if packets else []
        if self.sender.wants_credit:
            self.sender.wants_credit = False
            self._events.append(CreditWanted())
        if not self._events:
            return delivered
        events = self._events + delivered
        self._events.clear()
        return events
