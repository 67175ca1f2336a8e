"""The core of a bond: several links that act as one, without a clock and without a network. Pure.

Each method takes the time and returns the events that follow, in order; whoever calls it acts on them (`Bond` does).

    send ────▶ Sender ────────────────────────────────────────────▶ Transmit on a link
    receive ─▶ RecordProtection ─▶ frames ─┬─ packet ─▶ ReorderBuffer ─▶ Deliver
                                           ├─ acks ───▶ Sender ───▶ Transmit, Writable
                                           └─ closed ─▶ LinkTable ─▶ LinkClosed, Transmit
    timer ───▶ PendingAcks, HealthMonitor ──▶ Transmit, LinkSuspected, LinkClosed
          └──▶ ReorderBuffer ───────────────▶ Deliver, what was too much for one time

Each link is reliable and ordered as long as it lives, so the other end acknowledges by counting: "17 messages have
arrived on link 3". What a link lost when it closed is then known exactly, and is sent again on the others.

    a link closes           its packets are sent again at once; CLOSED tells the other end, with the count
    it is suspected         its packets are sent again elsewhere, and it gets nothing new
    it is lagging           the same for overdue packets; it goes on with half its congestion window
    a record does not open  the link is closed at once
    no link is left         everything waits, up to five minutes, for a link that joins

How many bytes a link's own queue takes, the core does not see. It is handed in (`set_queue_left`) before the owner asks
for its send credit, when the queue of a link has become writable, and when the core asks:

    core ── AskQueues ─────────────────────────────────────────▶ driver
    core ◀── set_queue_left for each link, then flush ────────── driver
    core ── Transmit for packets that waited; Writable ────────▶ driver ── on_writable ──▶ owner
                             if the owner had used up its credit           ◀── send_credit, send ──
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

from freespan.link.bond.admission import Admission
from freespan.link.bond.congestion import CWND_MIN, INITIAL_CWND, CongestionController
from freespan.link.bond.events import (
    BOND_OVERRUN,
    ENDED,
    FULL,
    NO_LINK,
    NOT_ADMITTED,
    NOT_OPENED,
    REPORTED_CLOSED,
    RESTARTED,
    SESSION_CLOSED,
    TAMPERED,
    BondOver,
    CoreEvent,
    EventQueue,
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
from freespan.wire import bond_frames
from freespan.wire.bond_frames import (
    NO_SESSION,
    REFUSED,
    UNKNOWN_SESSION,
    Frames,
    Join,
    Refused,
    decode,
    decode_refused,
    opening_of,
)
from freespan.wire.denial import HOST_FULL, Denial, decode_denial, encode_denial
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

    The egress has the session's key from the beginning; the client gets it inside QUIC, and calls `set_key`. What a
    client shows to be admitted is its `admission`.
    """

    def __init__(
        self,
        role: Role,
        now: float,
        key: SessionKey | None = None,
        settings: BondSettings | None = None,
        admission: Admission | None = None,
    ) -> None:
        self.is_over = False
        self.denial: Denial | None = None
        """Why the host has not begun this client's session, or has ended it, as far as it has proved to say so."""
        self.is_joinable = False
        """Whether both ends protect their records, so that further links may join."""
        self.counters = Counters()
        self.links = LinkTable()
        self.reordering = ReorderBuffer()
        self._settings = settings or BondSettings()
        self._role = role
        self._key = key
        self._admission = admission
        self._next_number = 1
        """The number of the next link that this client adds."""
        self._events = EventQueue()
        self._loss = LossDetector(self.links)
        self._health = HealthMonitor(self._settings, now, probes=role is Role.CLIENT)
        self.sender = Sender(self.links, self._health, self._loss, self._events, self._settings.spread_seconds)
        self._without_link_since = now
        # The first link begins fast, since there is no other. One that joins begins slowly: if it is a slow one, the
        # packets that it holds up would hold up those of all links.
        first = self._open(0, RecordProtection.first(role, 0, admission), INITIAL_CWND, now)
        first.has_joined = True
        if key is not None:
            first.protection.set_key(key)
        self.links.usable = [first]

    # --- links -----------------------------------------------------------------------------------------
    def set_key(self, key: SessionKey, now: float) -> list[CoreEvent]:
        """The client has the key: from now on it protects all that it sends, and soon further links may join."""
        if self._key is not None:
            raise RuntimeError("a bond has one key")
        self._key = key
        first = self.links.open.get(0)
        if first is not None:
            first.protection.set_key(key)
            self.sender.send_control(first, now, ping=True)
        return self._events.take()

    def add(self, queue_left: int, now: float) -> tuple[int, list[CoreEvent]]:
        """The client adds a link whose queue takes `queue_left` bytes. Returns its number, and the events.

        Raises `LinkError` when no link can join now.
        """
        key, number = self._key_to_join(), self._next_number
        link = self._open(number, RecordProtection.joining(self._role, number, key), CWND_MIN, now)
        link.queue_left = queue_left
        self._next_number += 1
        self.sender.send_control(link, now, ping=True)
        return number, self._events.take()

    def admit(self, message: bytes, queue_left: int, now: float) -> tuple[int, list[CoreEvent]]:
        """The egress takes a link whose first message is a JOIN, and whose queue takes `queue_left` bytes.

        Returns its number, and the events. Raises `LinkError` or `MessageError` when the link does not belong here, or
        has joined before.
        """
        key, overdue = self._key_to_join(), self._overdue(now)
        join = opening_of(message)
        if not isinstance(join, Join) or join.session != key.id or not self.links.numbers.is_new(join.number):
            raise LinkError("the link does not join this session, or has done so before")
        protection = RecordProtection.joining(self._role, join.number, key)
        frames = decode(protection.unprotect(message))
        self.links.numbers.use(join.number)
        link = self._open(join.number, protection, CWND_MIN, now)
        link.queue_left = queue_left
        link.bytes_received += len(message)
        self._on_joined(link, now)
        packets: list[bytes] = []
        try:
            packets = self._on_frames(link, frames, now, overdue)
        except MessageError:
            self._close_link(link, TAMPERED, now)
        else:
            self.sender.send_control(link, now, ping=True)
        return link.number, self._events.take(packets)

    def on_closed(self, number: int, reason: str, now: float) -> list[CoreEvent]:
        """A link has closed by itself, or its user wants it to."""
        link = self.links.open.get(number)
        if link is not None:
            self._close_link(link, reason, now)
        return self._events.take()

    def close(self, now: float, denial: Denial | None = None) -> list[CoreEvent]:
        """End the session with a goodbye (BYE) on each link. The egress may tell the client why."""
        farewell = encode_denial(denial) if denial is not None else b""
        for link in self.links:
            if link.has_joined or self._role is Role.CLIENT:  # after its JOIN, even if nothing has come back yet
                # without protection it would prove nothing, and tell a bridge
                told = farewell if link.protection.protects_sent else b""
                self.sender.transmit(link, Frames(bye=True, farewell=told), None, now)
        self.is_over = True
        return self._events.take()

    def abort(self) -> None:
        """End without a word to the other end, after an internal error."""
        self.is_over = True

    # --- send credit -----------------------------------------------------------------------------------
    def set_queue_left(self, number: int, size: int) -> None:
        """The queue of a link takes `size` bytes now (`Link.send_credit`)."""
        link = self.links.open.get(number)
        if link is not None:
            link.queue_left = size

    def send_credit(self, now: float) -> int:
        """How many bytes the owner may send now, in whole packets."""
        return 0 if self.is_over else self.sender.send_credit(now)

    def flush(self, now: float) -> list[CoreEvent]:
        """What the queues of all links take has been handed in: send what waits, as far as they take it."""
        if not self.is_over:
            self.sender.flush(now)
        return self._events.take()

    # --- packets ---------------------------------------------------------------------------------------
    def send(self, data: bytes, now: float) -> list[CoreEvent]:
        """Send a packet of 1 to `DATAGRAM_SIZE` bytes; without send credit it waits here."""
        if not self.is_over:
            self.sender.send(data, now)
            if self.sender.buffer.unsent_bytes > PIPE_WAITING_MAX:
                self._finish(BOND_OVERRUN)
        return self._events.take()

    def receive(self, number: int, message: bytes, now: float) -> list[CoreEvent]:
        """A message has arrived on a link."""
        link = self.links.open.get(number)
        if link is None or self.is_over:
            return []
        packets: list[bytes] = []
        try:
            packets = self._on_message(link, message, now)
        except (RecordError, MessageError):
            self._close_link(link, TAMPERED, now)
        return self._events.take(packets)

    # --- time ------------------------------------------------------------------------------------------
    @property
    def timer_at(self) -> float:
        """When `handle_timer` must be called at the latest."""
        if self.reordering.is_ready:
            return -math.inf
        ack_at, check_at = self.sender.acks.due_at, self._health.check_at
        return ack_at if ack_at < check_at else check_at  # `min` takes longer, and this is asked for each message

    def handle_timer(self, now: float) -> list[CoreEvent]:
        """Do what is due."""
        if self.is_over:
            return []
        if self.sender.acks.due_at <= now:
            self.sender.send_acks(now)
        self._check_links(now)
        return self._events.take(self.reordering.release() if self.reordering.is_ready else None)

    def _overdue(self, now: float) -> float:
        """By how many seconds this end's timer is late."""
        ack_at, check_at = self.sender.acks.due_at, self._health.check_at
        return now - (ack_at if ack_at < check_at else check_at)

    # --- messages --------------------------------------------------------------------------------------
    def _on_message(self, link: LinkState, message: bytes, now: float) -> list[bytes]:
        protection = link.protection
        if message[0] == REFUSED and self._may_be_refused(link):
            self._on_refused(link, message)
            return []
        was_protected = protection.protects_received
        frames = decode(protection.unprotect(message))
        if not was_protected:
            if protection.protects_received:
                self._on_first_protected(link, now)
            else:
                self._check_unprotected(link, frames)
        link.bytes_received += len(message)
        return self._on_frames(link, frames, now, self._overdue(now))

    def _on_frames(self, link: LinkState, frames: Frames, now: float, overdue: float) -> list[bytes]:
        """Returns the packets that can be delivered. This end's timer is `overdue` by that many seconds."""
        link.received_at = now
        if frames.acks:
            self.sender.on_acks(frames.acks, now, overdue)
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
            self._loss.on_packet(link, frames.number, len(frames.packet), now, overdue)
            link.packet_received_at = now
            self._health.check_soon(now)
        if frames.ping:
            self.sender.acks.on_ping(link.number, now)
        if frames.bye:
            self._on_bye(link, frames.farewell)
        return packets

    def _check_unprotected(self, link: LinkState, frames: Frames) -> None:
        """Check what precedes protection: there is one link, so nothing can be out of order or closed."""
        if frames.closed or (frames.number >= 0 and frames.number != link.packets_received):
            raise MessageError("bond", "an unprotected message contains what it may not")

    def _on_first_protected(self, link: LinkState, now: float) -> None:
        """The other end protects what it sends on this link: the link has joined, and the bond takes further links."""
        if not link.has_joined:
            self._on_joined(link, now)
        if not self.is_joinable:
            self.is_joinable = True
            self._events.append(Joinable())

    def _may_be_refused(self, link: LinkState) -> bool:
        """Whether a message on this link can be REFUSED: nothing else has come back yet."""
        begins = self._role is Role.CLIENT and self._key is None
        return not link.has_joined or (begins and link.bytes_received == 0)

    def _on_bye(self, link: LinkState, farewell: bytes) -> None:
        """Only what is protected says why: anybody on the way could have added it to something else."""
        if farewell and self._role is Role.CLIENT and link.protection.protects_received:
            with contextlib.suppress(MessageError):  # of a later version
                self.denial = decode_denial(farewell)
        self._finish(SESSION_CLOSED)

    def _on_refused(self, link: LinkState, message: bytes) -> None:
        refused = decode_refused(message)
        if self._key is None:
            self._on_hello_refused(refused)
        elif not is_refusal(refused, self._key, link.number):
            raise RecordError
        else:
            self._finish(RESTARTED if refused.reason == UNKNOWN_SESSION else ENDED)

    def _on_hello_refused(self, refused: Refused) -> None:
        """The host alone can say that it is full, or why it does not admit a client that has shown something."""
        if refused.reason == bond_frames.NOT_OPENED and self._admission is not None:
            self._finish(NOT_OPENED)
        elif refused.reason != NO_SESSION:
            raise RecordError
        elif self._admission is None:
            self._finish(FULL)
        else:
            self.denial = self._admission.denial_in(refused.proof)
            if self.denial is None:
                raise RecordError
            self._finish(FULL if self.denial.code == HOST_FULL else NOT_ADMITTED)

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
            self.sender.acks.send_with_reports(now)

    # --- which links -----------------------------------------------------------------------------------
    def _key_to_join(self) -> SessionKey:
        if self._key is None or not self.is_joinable or self.is_over:
            raise LinkError("the session takes no further links now")
        if len(self.links) >= BOND_LINKS_MAX:
            raise LinkError("the session has as many links as it may have")
        return self._key

    def _open(self, number: int, protection: RecordProtection, cwnd: int, now: float) -> LinkState:
        link = LinkState(number, protection, CongestionController(cwnd), now, self._settings)
        self.links.open[number] = link
        self._health.check_soon(now)
        return link

    def _on_joined(self, link: LinkState, now: float) -> None:
        link.has_joined = True
        self.counters.joined += 1
        self.links.closed.report_again()
        self.sender.acks.send_with_reports(now)
        self.links.choose_usable()
        self._events.append(LinkJoined(link.number))

    def _close_link(self, link: LinkState, reason: str, now: float) -> None:
        self.links.close(link)
        self.counters.closed += 1
        self.sender.send_again(link.give_up())
        self.sender.acks.send_with_reports(now)
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
            self.sender.flush_soon()

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
            self.sender.flush_soon()

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
