"""The bond, without a clock or a network: several links that act as one. Pure; `Bond` around it is thin.

    packets of the owner ── number, keep ── choose a link ── seal ──▶ links ── open ── restore order ──▶ owner
                                 ▲                                      │
                                 └── a link died, is silent or late ◀───┴── counts of what has come, on any link

Each link is reliable and ordered as long as it lives, so the other end acknowledges by counting: "so many messages have
come on link 3". What a link swallowed when it died is then known exactly, and is sent again on the others.

    a link closes           what it carried goes out again at once, and GONE tells the other end, with the count
    it is silent (suspect)  its packets are sent again elsewhere, nothing new is given to it; after 2 s it ends
    it is late              the same, but it is alive, and goes on with half its window
    a message does not open it ends at once
    no link is left         all waits, up to five minutes, for one that joins
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from freespan.link.bond.congestion import START_WINDOW, CongestionController
from freespan.link.bond.departed import Departed
from freespan.link.bond.envelope import Envelope
from freespan.link.bond.health import look
from freespan.link.bond.loss_signals import Overtaking, Pauses
from freespan.link.bond.member import Member
from freespan.link.bond.numbers import UsedNumbers
from freespan.link.bond.owed import Owed
from freespan.link.bond.receiving import Receiving
from freespan.link.bond.schedule import OVERHEAD, Scheduler
from freespan.link.bond.seal import Role, SealError, SessionKey, is_refusal
from freespan.link.bond.sending import Packet, Sending
from freespan.wire.bond_frames import (
    REFUSED,
    UNKNOWN_SESSION,
    Counts,
    Frames,
    decode,
    decode_refused,
    encode,
    opening_of,
)
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import (
    BOND_LINKS_MAX,
    BOND_WAIT_SECONDS,
    DATAGRAM_SIZE,
    FLIGHT_MIN,
    PIPE_WAITING_MAX,
)

OVERRUN = "the sender overran the bond"
TAMPERED = "somebody has tampered with the link"
TOLD = "the other end says that the link is gone"
CLOSED = "the other end closed the session"
RESTARTED = "the host was restarted"
ENDED = "the host has ended the session"
NO_LINK = "no link carried the session for too long"

_TICK = 0.05
"""How soon links are looked at once something is on its way."""
_STALLED = 0.1
"""A look that comes so much too late says that this process was held up, and not the links."""
_ACK_TWICE_SECONDS = 0.1
"""So often an acknowledgement goes out on two links: the one that carries them all may have died."""
_PROBE_ALONG_SECONDS = 0.5
"""So often the link that carries acknowledgements is asked for one itself."""
_TELLING = DATAGRAM_SIZE // 2
"""Only packets of a size tell of loss when they are late: smaller ones come when somebody has something to say."""
_TELLING_FLIGHT = 2 * DATAGRAM_SIZE
"""The same for what is on its way there."""
_LATELY = 1.0
"""A link that has brought a packet within so long can be compared with another one."""
_NEARLY_SECONDS = 0.005
"""An acknowledgement goes along with a packet if the packet's link is not slower than the fastest by more."""


class Port(Protocol):
    """What a bond's core does to the world; none of it may call back at once."""

    def send_credit(self, link: int) -> int:
        """`Link.send_credit` of a link."""

    def transmit(self, link: int, message: bytes) -> None:
        """`Link.send` on a link."""

    def joined(self, link: int) -> None:
        """A link takes part now."""

    def suspected(self, link: int) -> None:
        """A link is silent; it may be time to look for another one."""

    def ended(self, link: int, reason: str) -> None:
        """A link has left the bond: close it."""

    def joinable(self) -> None:
        """Both ends seal: further links may join."""

    def on_writable(self) -> None:
        """The owner may send again."""

    def over(self, reason: str) -> None:
        """The bond has ended."""


@dataclass
class Tally:
    """What has happened in a bond so far."""

    joined: int = 0
    ended: int = 0
    suspected: int = 0
    late: int = 0


class BondCore:
    """One end of a bond; times in seconds of any clock that does not go back.

    The egress has the session's key from the beginning; the client gets it inside QUIC, and calls `seal_with`.
    """

    def __init__(self, role: Role, port: Port, now: float, session: SessionKey | None = None) -> None:
        self.members: dict[int, Member] = {}
        self.is_over = False
        self.is_joinable = False
        """Whether both ends seal, so that further links may join."""
        self.next_link = 1
        """The number of the next link that this client adds."""
        self.tally = Tally()
        self.sending = Sending()
        self.receiving = Receiving()
        self._role = role
        self._port = port
        self._session = session
        self._owed = Owed()
        self._scheduler = Scheduler()
        self._departed = Departed()
        self._numbers = UsedNumbers()
        self._pauses = Pauses()
        self._ack_pauses = Pauses()
        self._overtaking = Overtaking()
        self._usable: list[Member] = []
        self._told_room = 0
        self._has_offered = False
        self._look_at = math.inf
        self._acked_twice_at = -math.inf
        self._alone_since = now
        self._alive_since = now
        first = self._add(0, Envelope.first(role, 0), START_WINDOW, now)
        first.joined = True
        if session is not None:
            first.envelope.seal_with(session)
        self._usable = [first]

    # --- links -------------------------------------------------------------------------------
    def seal_with(self, session: SessionKey, now: float) -> None:
        """The client has got the key; from now on all is sealed, and soon further links may join."""
        if self._session is not None:
            raise RuntimeError("a bond has one key")
        self._session = session
        first = self.members.get(0)
        if first is not None:
            first.envelope.seal_with(session)
            self._say(first, now, ping=True)

    def join(self, now: float) -> None:
        """The client adds link `next_link`. Raises `LinkError` when that cannot be now."""
        session = self._session_for_joins()
        member = self._add(self.next_link, Envelope.joining(self._role, self.next_link, session), FLIGHT_MIN, now)
        self.next_link += 1
        self._say(member, now, ping=True)

    def accept(self, message: bytes, now: float) -> list[bytes]:
        """The egress takes a link whose first message is a JOIN; the caller has registered its number.

        Returns packets to deliver, as `receive` does. Raises `LinkError` or `MessageError` when the link does not
        belong here, or has joined before.
        """
        session = self._session_for_joins()
        join = opening_of(message)
        if join is None or join.session != session.id or not self._numbers.is_new(join.link):
            raise LinkError("the link does not join this session, or has done so before")
        envelope = Envelope.joining(self._role, join.link, session)
        frames = decode(envelope.unwrap(message))
        self._numbers.use(join.link)
        member = self._add(join.link, envelope, FLIGHT_MIN, now)
        self._has_joined(member, now)
        try:
            delivered = self._handle(member, frames, now)
        except MessageError:
            self._end(member, TAMPERED, now)
            return []
        self._say(member, now, ping=True)
        return delivered

    def on_closed(self, link: int, reason: str, now: float) -> None:
        """A link has ended by itself, or its user wants it to."""
        member = self.members.get(link)
        if member is not None:
            self._end(member, reason, now)

    def close(self, now: float) -> None:
        """Tell the other end that the session is over."""
        for member in self.members.values():
            if member.joined or self._role is Role.CLIENT:  # behind its JOIN, though nothing has come back yet
                self._transmit(member, Frames(bye=True), None, now)
        self.is_over = True

    # --- packets -----------------------------------------------------------------------------
    def send_credit(self, now: float) -> int:
        """What may be sent now, in bytes of whole packets."""
        self._has_offered = False
        self._told_room = self._room(now)
        return self._told_room

    def send(self, data: bytes, now: float) -> None:
        """Send a packet of 1 to `DATAGRAM_SIZE` bytes; without room it waits here."""
        if self.is_over:
            return
        self._told_room -= len(data)
        sending = self.sending
        packet = sending.take(data)
        if sending.next_waiting() is None and sending.may_leave(packet):
            member = self._scheduler.choose(self._usable, len(data), now)
            if member is None:
                self._ask_rooms()
                member = self._scheduler.choose(self._usable, len(data), now)
            if member is not None:
                self._carry(member, packet, now)
                return
        sending.wait(packet)
        if sending.unsent_bytes > PIPE_WAITING_MAX:
            self._finish(OVERRUN)

    def receive(self, link: int, message: bytes, now: float) -> list[bytes]:
        """A message has come on a link; returns the packets that can be delivered now, in order."""
        member = self.members.get(link)
        if member is None or self.is_over:
            return []
        envelope = member.envelope
        try:
            if not member.joined and message[0] == REFUSED:
                return self._refused(member, message)
            is_first_sealed = not envelope.got_sealed
            frames = decode(envelope.unwrap(message))
            if is_first_sealed:
                self._check_opening(member, frames, now)
            member.bytes_received += len(message)
            return self._handle(member, frames, now)
        except (SealError, MessageError):
            self._end(member, TAMPERED, now)
            return []

    def on_writable(self, now: float) -> None:
        """A link's own queue has room again."""
        self._place_waiting(now)
        self._offer_room(now)

    # --- time --------------------------------------------------------------------------------
    @property
    def timer_at(self) -> float:
        """When `handle_timer` must be called at the latest."""
        return min(self._owed.due, self._look_at)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        if self.is_over:
            return
        if self._owed.due <= now:
            self._acknowledge(now)
        if self._look_at <= now:
            if now - self._look_at > _STALLED:
                self._look_at = now + _TICK  # what has come meanwhile is read first
            else:
                self._look(now)

    # --- messages ----------------------------------------------------------------------------
    def _handle(self, member: Member, frames: Frames, now: float) -> list[bytes]:
        member.heard_at = now
        if frames.acks:
            self._acknowledged(frames.acks, now)
        for link, count in frames.gone:
            self._told_gone(link, count, now)
        is_packet = frames.number >= 0
        # what cannot be taken is not counted, or nobody would send it again
        packets = self.receiving.take(frames.number, frames.packet) if is_packet else []
        if is_packet or frames.ping:
            member.received += 1
            self._owed.counted(now, is_packet=is_packet)
        if is_packet:
            member.packets_received += 1
            if len(frames.packet) >= _TELLING:
                self._note_arrival(member, frames.number, now)
            member.packet_heard_at = now
            self._look_soon(now)
        if frames.ping:
            self._owed.ping(member.number, now)
        if frames.bye:
            self._finish(CLOSED)
        return packets

    def _note_arrival(self, member: Member, number: int, now: float) -> None:
        """Look for signs of loss on the way here."""
        since = member.packet_heard_at
        was_idle = self._overtaking.came(member.number, number, since, now)
        self._pauses.came(now, late=now - self.timer_at)
        alone = not any(
            other is not member and other.packet_heard_at > since - _LATELY for other in self.members.values()
        )
        if was_idle or self._pauses.excuse(since, now, alone=alone):
            member.arriving.excused(now)
        else:
            member.arriving.came(now, 1, member.lowest_rtt)

    def _note_progress(self, member: Member, count: int, now: float) -> None:
        """Look for signs of loss on the way there: in what is acknowledged, while there is always more on its way."""
        fresh, since = count - member.acked, member.progress_at
        if fresh <= 0:
            return
        alone = len(self._usable) < 2
        is_busy = member.waiting_since <= since and member.window.in_flight >= _TELLING_FLIGHT
        if not is_busy or self._ack_pauses.excuse(since, now, alone=alone):
            member.leaving.excused(now)
        else:
            member.leaving.came(now, fresh, member.lowest_rtt)

    def _check_opening(self, member: Member, frames: Frames, now: float) -> None:
        """What may be said before anything is sealed; and what the first sealed message means."""
        if not member.envelope.got_sealed:
            # one link, so nothing can be out of order or gone
            if frames.gone or (frames.number >= 0 and frames.number != member.packets_received):
                raise MessageError("bond", "an unsealed message says what it may not")
            return
        if not member.joined:
            self._has_joined(member, now)
        if not self.is_joinable:
            self.is_joinable = True
            self._port.joinable()

    def _refused(self, member: Member, message: bytes) -> list[bytes]:
        assert self._session is not None
        refused = decode_refused(message)
        if not is_refusal(refused, self._session, member.number):
            raise SealError
        self._finish(RESTARTED if refused.reason == UNKNOWN_SESSION else ENDED)
        return []

    def _acknowledged(self, counts: Counts, now: float) -> None:
        if not self._has_offered:
            self._scheduler.pressed(now, is_full=self._told_room < DATAGRAM_SIZE)
        is_news = sort_out = False
        self._ack_pauses.came(now, late=now - self.timer_at)
        for link, count in counts:
            member = self.members.get(link) or self._departed.member(link)
            if member is not None:
                sort_out |= member.suspect or not member.window.min_rtt
                self._note_progress(member, count, now)
                is_news |= member.acknowledge(count, now)
        if not is_news:
            return
        self.sending.forget_acked()
        if sort_out:
            self._sort_out()
        self._place_waiting(now)
        self._offer_room(now)

    def _told_gone(self, link: int, count: int, now: float) -> None:
        member = self.members.get(link) or self._departed.member(link)
        if member is not None:
            member.acknowledge(count, now)
            self.sending.forget_acked()
            if link in self.members:
                self._end(member, TOLD, now)
            self._departed.heard(link)
        elif self._role is Role.EGRESS and self._numbers.is_new(link):
            self._numbers.use(link)  # given up before it came here; it shall not join later
            self._departed.tell(link, 0)
            self._owed.at_once(now)

    # --- sending -----------------------------------------------------------------------------
    def _carry(self, member: Member, packet: Packet, now: float) -> None:
        counts: Counts = ()
        if self._owed.goes_along and self._is_fast(member):
            counts = self._counts()
            self._owed.said()
        self._transmit(member, Frames(counts, (), False, False, packet.number, packet.data), packet, now)

    def _transmit(self, member: Member, frames: Frames, packet: Packet | None, now: float) -> None:
        message = member.envelope.wrap(encode(frames))
        size = len(message)
        member.send_credit -= size
        member.bytes_sent += size
        if packet is not None or frames.ping:
            member.sent(packet, size, now)
            self._look_soon(now)
            if frames.ping:
                member.probed_at = now
        self._port.transmit(member.number, message)
        if member.send_credit < DATAGRAM_SIZE:
            member.send_credit = self._port.send_credit(member.number)  # it may have drained since it was asked

    def _say(self, member: Member, now: float, *, ping: bool = False) -> None:
        """A message of its own for what the other end should know."""
        gone = self._departed.to_say() if member.envelope.sends_sealed and member.joined else ()
        counts = self._counts()
        if counts or gone or ping:
            self._transmit(member, Frames(counts, gone, ping), None, now)

    def _acknowledge(self, now: float) -> None:
        links = [self.members[link] for link in self._owed.pinged if link in self.members]
        by_arrival = sorted(self._usable, key=lambda member: member.arrival(OVERHEAD))
        if by_arrival and by_arrival[0] not in links:
            links.append(by_arrival[0])
        if len(by_arrival) > 1 and self._owed.packets and now - self._acked_twice_at >= _ACK_TWICE_SECONDS:
            self._acked_twice_at = now
            if by_arrival[1] not in links:
                links.append(by_arrival[1])
        ask = self._owed.packets
        self._owed.said()
        for member in links:
            self._say(member, now, ping=ask and now - member.counted_at >= _PROBE_ALONG_SECONDS)

    def _counts(self) -> Counts:
        return tuple((link, member.received) for link, member in self.members.items() if member.received)

    def _place_waiting(self, now: float) -> None:
        """Give what waits to links, as far as they take it."""
        sending = self.sending
        if sending.next_waiting() is None:
            return
        self._ask_rooms()
        while (packet := sending.next_waiting()) is not None and sending.may_leave(packet):
            member = self._scheduler.choose(self._usable, len(packet.data), now)
            if member is None:
                return
            sending.leaves(packet)
            self._carry(member, packet, now)

    def _send_again(self, packets: Iterable[Packet]) -> None:
        for packet in packets:
            self.sending.wait(packet)

    def _room(self, now: float) -> int:
        if self.is_over or self.sending.next_waiting() is not None:
            return 0
        self._ask_rooms()
        room = min(self._scheduler.send_credit(self._usable, now), self.sending.span_left)
        return room if room >= DATAGRAM_SIZE else 0

    def _offer_room(self, now: float) -> None:
        """Tell an owner that has used up what it was given."""
        if self._told_room < DATAGRAM_SIZE and not self._has_offered and self._room(now):
            self._has_offered = True
            self._port.on_writable()

    def _ask_rooms(self) -> None:
        for member in self._usable:
            member.send_credit = self._port.send_credit(member.number)

    # --- which links -------------------------------------------------------------------------
    def _session_for_joins(self) -> SessionKey:
        if self._session is None or not self.is_joinable or self.is_over:
            raise LinkError("the session takes no further links now")
        if len(self.members) >= BOND_LINKS_MAX:
            raise LinkError("the session has as many links as it may have")
        return self._session

    def _add(self, link: int, envelope: Envelope, window: int, now: float) -> Member:
        member = self.members[link] = Member(link, envelope, CongestionController(window), now)
        self._look_soon(now)
        return member

    def _has_joined(self, member: Member, now: float) -> None:
        member.joined = True
        self.tally.joined += 1
        self._departed.tell_again()
        self._owed.at_once(now)
        self._sort_out()
        self._port.joined(member.number)

    def _end(self, member: Member, reason: str, now: float) -> None:
        del self.members[member.number]
        self.tally.ended += 1
        self._send_again(member.give_up())
        self._departed.left(member)
        self._departed.tell_again()
        self._owed.at_once(now)
        for other in self.members.values():
            other.window.road_changed(now)  # its acknowledgements may take another way now
        self._sort_out()
        self._port.ended(member.number, reason)
        if not self._usable:
            self._alone_since = now
            self._look_soon(now)
            if not self.is_joinable:
                self._finish(reason)
                return
        self._place_waiting(now)

    def _sort_out(self) -> None:
        """Which links are used: the best that there are, those that are fast first."""
        joined = [member for member in self.members.values() if member.joined]
        trusted = [member for member in joined if not member.suspect]
        good = [member for member in trusted if not member.late and member.window.min_rtt]
        self._usable = sorted(good or trusted or joined, key=lambda member: member.window.min_rtt)
        self._ask_rooms()

    def _is_fast(self, member: Member) -> bool:
        return member.window.min_rtt <= self._usable[0].window.min_rtt + _NEARLY_SECONDS

    def _look_soon(self, now: float) -> None:
        if self._look_at > now + _TICK:
            self._look_at = now + _TICK

    def _look(self, now: float) -> None:
        findings = look(self.members.values(), now, self._alive_since, asks=self._role is Role.CLIENT)
        self._alive_since = findings.alive_since
        self._look_at = findings.next_at
        for member, before in findings.give_up:
            self._send_again(member.give_up(before))
        for member in findings.late:
            member.window.slowed_down()
            self.tally.late += 1
        for member in findings.suspect:
            self.tally.suspected += 1
            self._port.suspected(member.number)
        for member, reason in findings.dead:
            self._end(member, reason, now)
        if self.is_over:
            return
        for member in findings.probe:
            if member.number in self.members:
                self._say(member, now, ping=True)
        self._sort_out()
        self._wait_for_links(now)
        self._place_waiting(now)
        self._offer_room(now)

    def _wait_for_links(self, now: float) -> None:
        if self._usable:
            self._alone_since = now
        elif now - self._alone_since >= BOND_WAIT_SECONDS:
            self._finish(NO_LINK)
        else:
            self._look_at = min(self._look_at, self._alone_since + BOND_WAIT_SECONDS)

    def _finish(self, reason: str) -> None:
        if not self.is_over:
            self.is_over = True
            self._port.over(reason)
