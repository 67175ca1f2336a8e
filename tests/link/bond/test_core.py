"""Conversations of two cores as transcripts: what each end is told, and what it decides. No loop, no clock."""

from __future__ import annotations

import pytest

from freespan.link.bond.admission import Admission
from freespan.link.bond.core import BondCore
from freespan.link.bond.events import (
    ENDED,
    NO_LINK,
    NOT_ADMITTED,
    REPORTED_CLOSED,
    RESTARTED,
    SESSION_CLOSED,
    TAMPERED,
    AskQueues,
    BondOver,
    CoreEvent,
    Deliver,
    Joinable,
    LinkClosed,
    LinkJoined,
    LinkSuspected,
    Transmit,
    Writable,
)
from freespan.link.bond.events import FULL as HOST_FULL
from freespan.link.bond.events import NOT_OPENED as CANNOT_OPEN
from freespan.link.bond.session_key import Role, refusal, session_key
from freespan.link.bond.settings import BondSettings
from freespan.wire.bond_frames import (
    NO_SESSION,
    NOT_OPENED,
    PLAIN,
    SESSION_ENDED,
    UNKNOWN_SESSION,
    Frames,
    Hello,
    Refused,
    encode,
    encode_refused,
    opening_of,
)
from freespan.wire.denial import Denial, decode_denial, encode_denial
from freespan.wire.limits import DATAGRAM_SIZE, LINK_QUEUE_MAX

SESSION = session_key(bytes(range(32)), bytes(16))
FULL = bytes(DATAGRAM_SIZE)


class Conversation:
    """A client's core and an egress' core; messages wait on their links until they are carried over."""

    def __init__(self, settings: BondSettings | None = None, admission: Admission | None = None) -> None:
        self.now = 100.0
        self.client = BondCore(Role.CLIENT, self.now, settings=settings, admission=admission)
        self.egress = BondCore(Role.EGRESS, self.now, SESSION, settings)
        self.on_way: dict[Role, list[Transmit]] = {Role.CLIENT: [], Role.EGRESS: []}
        """What each end has sent and the other end has not received."""
        for core in (self.client, self.egress):
            core.set_queue_left(0, LINK_QUEUE_MAX)

    def sent(self, role: Role, events: list[CoreEvent]) -> list[CoreEvent]:
        """Put what is to be transmitted on its way; returns the other events."""
        self.on_way[role] += [event for event in events if isinstance(event, Transmit)]
        return [event for event in events if not isinstance(event, Transmit)]

    def carry(self, role: Role, *, links: set[int] | None = None) -> list[CoreEvent]:
        """Carry over what an end has sent (on these links alone); returns what the other end decides."""
        waiting, self.on_way[role] = self.on_way[role], []
        core = self.egress if role is Role.CLIENT else self.client
        decided: list[CoreEvent] = []
        for event in waiting:
            if links is None or event.number in links:
                decided += self.sent(role.other, core.receive(event.number, event.message, self.now))
        return decided

    def timers(self, seconds: float) -> list[CoreEvent]:
        """Let time pass; returns what both ends decide by themselves."""
        self.now += seconds
        client = self.sent(Role.CLIENT, self.client.handle_timer(self.now))
        return client + self.sent(Role.EGRESS, self.egress.handle_timer(self.now))

    def protect(self) -> None:
        """Both ends say something, the client learns the key, and both protect their records."""
        self.sent(Role.CLIENT, self.client.send(b"hello", self.now))
        assert self.carry(Role.CLIENT) == [Deliver(b"hello")]
        self.sent(Role.EGRESS, self.egress.send(b"welcome", self.now))
        self.now += 0.01
        assert self.carry(Role.EGRESS) == [Deliver(b"welcome")]
        self.sent(Role.CLIENT, self.client.set_key(SESSION, self.now))
        assert Joinable() in self.carry(Role.CLIENT)
        self.timers(0.01)
        assert Joinable() in self.carry(Role.EGRESS)
        self.settle()

    def join(self) -> int:
        """The client adds a link, and the egress admits it; returns its number."""
        number, events = self.client.add(LINK_QUEUE_MAX, self.now)
        self.sent(Role.CLIENT, events)
        opening = self.on_way[Role.CLIENT].pop()
        assert opening.number == number
        admitted, events = self.egress.admit(opening.message, LINK_QUEUE_MAX, self.now)
        assert admitted == number
        assert LinkJoined(number) in self.sent(Role.EGRESS, events)
        assert self.egress.links.open[number].bytes_received == len(opening.message)
        assert LinkJoined(number) in self.carry(Role.EGRESS)
        self.settle()
        return number

    def settle(self) -> None:
        """Until neither end has anything to say."""
        for _ in range(6):
            self.timers(0.01)
            self.carry(Role.CLIENT)
            self.carry(Role.EGRESS)
        assert not any(self.on_way.values())


def test_a_packet_is_delivered_and_acknowledged() -> None:
    talk = Conversation()
    assert talk.sent(Role.CLIENT, talk.client.send(b"hello", talk.now)) == []
    assert talk.carry(Role.CLIENT) == [Deliver(b"hello")]
    assert talk.egress.timer_at == talk.now + 0.008
    assert talk.timers(0.01) == []
    assert len(talk.on_way[Role.EGRESS]) == 1
    talk.carry(Role.EGRESS)
    assert talk.client.sender.buffer.unacked_cost == 0


def test_the_bond_is_joinable_when_both_ends_protect_their_records() -> None:
    talk = Conversation()
    assert not talk.client.is_joinable
    talk.protect()
    assert talk.client.is_joinable
    assert talk.egress.is_joinable


def test_packets_that_took_different_links_are_delivered_in_order() -> None:
    talk = Conversation()
    talk.protect()
    talk.join()
    for number in range(4):
        talk.sent(Role.EGRESS, talk.egress.send(bytes((number,)) * DATAGRAM_SIZE, talk.now))
    waiting = talk.on_way[Role.EGRESS]
    first, *later = sorted(waiting, key=waiting.index)
    on_other_link = [event for event in later if event.number != first.number]
    talk.on_way[Role.EGRESS] = on_other_link
    assert talk.carry(Role.EGRESS) == []
    talk.on_way[Role.EGRESS] = [event for event in waiting if event not in on_other_link]
    delivered = [event.packet[0] for event in talk.carry(Role.EGRESS) if isinstance(event, Deliver)]
    assert delivered == [0, 1, 2, 3]


def test_what_a_closed_link_carried_is_sent_again_on_another() -> None:
    talk = Conversation()
    talk.protect()
    other = talk.join()
    talk.sent(Role.EGRESS, talk.egress.send(FULL, talk.now))
    (lost,) = talk.on_way[Role.EGRESS]
    talk.on_way[Role.EGRESS] = []
    left = other if lost.number == 0 else 0
    assert talk.egress.on_closed(lost.number, "gone", talk.now) == [LinkClosed(lost.number, "gone"), AskQueues()]
    talk.egress.set_queue_left(left, LINK_QUEUE_MAX)
    again = talk.egress.flush(talk.now)
    assert [event.number for event in again if isinstance(event, Transmit)] == [left]
    talk.sent(Role.EGRESS, again)
    talk.timers(0.01)
    assert Deliver(FULL) in talk.carry(Role.EGRESS)
    assert list(talk.client.links.open) == [left], "the report of the closed link has come, too"


def test_the_first_record_on_a_link_that_joins_leaves_before_packets_that_wait() -> None:
    """The JOIN brings an acknowledgement, after which packets may leave; records must be sent in their order."""
    talk = Conversation()
    talk.protect()
    talk.sent(Role.EGRESS, talk.egress.send(FULL, talk.now))
    talk.carry(Role.EGRESS)
    talk.egress.set_queue_left(0, 0)
    assert talk.egress.send(FULL, talk.now) == [AskQueues()]
    talk.sent(Role.CLIENT, talk.client.add(LINK_QUEUE_MAX, talk.now)[1])
    (opening,) = talk.on_way[Role.CLIENT]
    talk.on_way[Role.CLIENT] = []
    number, (joined, first, wanted) = talk.egress.admit(opening.message, LINK_QUEUE_MAX, talk.now)
    assert number == 1
    assert joined == LinkJoined(1)
    assert isinstance(first, Transmit)
    assert wanted == AskQueues()
    talk.egress.on_closed(0, "gone", talk.now)
    talk.sent(Role.EGRESS, [first, *talk.egress.flush(talk.now)])
    assert Deliver(FULL) in talk.carry(Role.EGRESS)


def test_a_record_that_was_changed_closes_its_link_and_nothing_else() -> None:
    talk = Conversation()
    talk.protect()
    number = talk.join()
    assert talk.client.receive(number, bytes(60), talk.now) == [LinkClosed(number, TAMPERED)]
    assert list(talk.client.links.open) == [0]
    assert not talk.client.is_over


def test_a_silent_link_is_suspected_then_times_out_while_another_lives() -> None:
    talk = Conversation()
    talk.protect()
    number = talk.join()
    talk.sent(Role.EGRESS, talk.egress.send(FULL, talk.now))
    (sent,) = talk.on_way[Role.EGRESS]
    silent, alive = sent.number, {0, number} - {sent.number}
    seen: list[CoreEvent] = []
    for _ in range(80):
        seen += talk.timers(0.05)
        talk.sent(Role.EGRESS, talk.egress.flush(talk.now))
        seen += talk.carry(Role.EGRESS, links=alive)
        seen += talk.carry(Role.CLIENT, links=alive)
    told = [event for event in seen if isinstance(event, LinkSuspected | LinkClosed)]
    assert told[0] == LinkSuspected(silent)
    assert any(isinstance(event, LinkClosed) and event.number == silent for event in told)
    assert Deliver(FULL) in seen
    assert set(talk.egress.links.open) == alive


def test_send_credit_is_used_up_and_reported_again() -> None:
    talk = Conversation()
    talk.protect()
    credit = talk.egress.send_credit(talk.now)
    assert credit >= DATAGRAM_SIZE
    assert credit % DATAGRAM_SIZE == 0
    for _ in range(credit // DATAGRAM_SIZE):
        talk.sent(Role.EGRESS, talk.egress.send(FULL, talk.now))
    assert talk.egress.send_credit(talk.now) == 0
    talk.now += 0.05
    talk.carry(Role.EGRESS)
    talk.timers(0.01)
    assert AskQueues() in talk.carry(Role.CLIENT)
    talk.egress.set_queue_left(0, LINK_QUEUE_MAX)
    assert talk.egress.flush(talk.now) == [Writable()]
    assert talk.egress.flush(talk.now) == [], "it is reported once"


def test_a_link_whose_own_queue_is_full_is_asked_for_its_credit() -> None:
    talk = Conversation()
    talk.protect()
    talk.egress.set_queue_left(0, DATAGRAM_SIZE + 100)
    transmit, asked = talk.egress.send(FULL, talk.now)
    assert isinstance(transmit, Transmit)
    assert asked == AskQueues()
    assert talk.egress.send(FULL, talk.now) == [AskQueues()], "it waits"
    talk.egress.set_queue_left(0, LINK_QUEUE_MAX)
    assert any(isinstance(event, Transmit) for event in talk.egress.flush(talk.now))


def test_the_goodbye_ends_the_other_end() -> None:
    talk = Conversation()
    talk.protect()
    assert talk.sent(Role.EGRESS, talk.egress.close(talk.now)) == []
    assert talk.carry(Role.EGRESS) == [BondOver(SESSION_CLOSED)]
    assert talk.client.receive(0, b"anything", talk.now) == []


def test_a_refusal_ends_the_bond_if_the_egress_of_the_session_gave_it() -> None:
    for reason, words in ((UNKNOWN_SESSION, RESTARTED), (SESSION_ENDED, ENDED)):
        talk = Conversation()
        talk.protect()
        talk.client.add(LINK_QUEUE_MAX, talk.now)
        refused = encode_refused(refusal(SESSION, 1, reason))
        assert talk.client.receive(1, refused, talk.now) == [BondOver(words)]


def test_a_session_that_the_egress_does_not_take_ends_and_any_other_refusal_of_it_is_a_trick() -> None:
    full = encode_refused(Refused(NO_SESSION))
    assert Conversation().client.receive(0, full, 0.0) == [BondOver(HOST_FULL)]
    other = encode_refused(Refused(UNKNOWN_SESSION, bytes(16)))
    talk = Conversation()
    assert LinkClosed(0, TAMPERED) in talk.client.receive(0, other, talk.now)
    talk = Conversation()
    talk.protect()
    assert BondOver(HOST_FULL) not in talk.client.receive(0, full, talk.now)


def test_a_bond_without_a_link_ends_after_its_time() -> None:
    talk = Conversation(BondSettings(wait_seconds=3.0))
    talk.protect()
    talk.client.on_closed(0, "gone", talk.now)
    until, seen = talk.now + 3.2, []
    while talk.now < until:
        seen += talk.timers(0.05)
    assert BondOver(NO_LINK) in seen


def test_a_ping_is_answered_on_its_own_link_even_if_a_packet_carries_the_acknowledgement_first() -> None:
    talk = Conversation()
    talk.protect()
    other = talk.join()
    for _ in range(4):
        talk.sent(Role.CLIENT, talk.client.send(FULL, talk.now))
    talk.carry(Role.CLIENT)
    slower = talk.egress.links.open[other]
    slower.congestion.min_rtt = 1.0
    talk.egress.links.choose_usable()
    talk.client.sender.send_control(talk.client.links.open[other], talk.now, ping=True)
    talk.sent(Role.CLIENT, talk.client.flush(talk.now))
    talk.carry(Role.CLIENT)
    talk.sent(Role.EGRESS, talk.egress.send(b"carries the acknowledgement", talk.now))
    assert [event.number for event in talk.on_way[Role.EGRESS]] == [0]
    talk.sent(Role.EGRESS, talk.egress.handle_timer(talk.now))
    assert other in [event.number for event in talk.on_way[Role.EGRESS][1:]]


def test_after_the_end_nothing_waits_for_queues() -> None:
    talk = Conversation()
    talk.protect()
    talk.egress.set_queue_left(0, 0)
    assert talk.egress.send(FULL, talk.now) == [AskQueues()]
    talk.egress.abort()
    talk.egress.set_queue_left(0, LINK_QUEUE_MAX)
    assert talk.egress.flush(talk.now) == []
    assert talk.egress.send_credit(talk.now) == 0


def test_a_closed_link_is_reported_at_once_even_if_packets_carry_the_acknowledgements() -> None:
    talk = Conversation()
    talk.protect()
    number = talk.join()
    for _ in range(4):
        talk.sent(Role.EGRESS, talk.egress.send(FULL, talk.now))
    talk.carry(Role.EGRESS)
    talk.sent(Role.CLIENT, talk.client.on_closed(number, "gone", talk.now))
    talk.sent(Role.CLIENT, talk.client.send(b"carries the acknowledgement", talk.now))
    assert talk.client.timer_at <= talk.now
    talk.sent(Role.CLIENT, talk.client.handle_timer(talk.now))
    assert LinkClosed(number, REPORTED_CLOSED) in talk.carry(Role.CLIENT)


# --- who is admitted ------------------------------------------------------------------------------------------------
REVOKED = Denial("invite_revoked")


class Shown:
    """An `Admission` that seals nothing, and believes whoever says the word."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def seal(self, frames: bytes) -> bytes:
        self.frames.append(frames)
        return b"sealed for these frames"

    def denial_in(self, proof: bytes) -> Denial | None:
        return decode_denial(proof[4:]) if proof.startswith(b"word") else None


def shows(shown: Shown | None) -> Conversation:
    """A client that shows something, and has sent its HELLO."""
    talk = Conversation(admission=shown)
    talk.sent(Role.CLIENT, talk.client.send(b"first", talk.now))
    return talk


def refusal_of_hello(denial: Denial, word: bytes = b"word") -> bytes:
    return encode_refused(Refused(NO_SESSION, word + encode_denial(denial)))


def test_a_client_shows_its_invite_once_in_front_of_the_frames_that_it_belongs_to() -> None:
    shown = Shown()
    talk = shows(shown)
    talk.sent(Role.CLIENT, talk.client.send(b"second", talk.now))
    first, second = (each.message for each in talk.on_way[Role.CLIENT])
    assert opening_of(first) == Hello(b"sealed for these frames", shown.frames[0])
    assert second[0] == PLAIN
    assert len(shown.frames) == 1
    assert talk.carry(Role.CLIENT) == [Deliver(b"first"), Deliver(b"second")]


def test_what_the_host_says_of_an_invite_ends_the_session_with_its_reason() -> None:
    talk = shows(Shown())
    assert talk.client.receive(0, refusal_of_hello(REVOKED), talk.now) == [BondOver(NOT_ADMITTED)]
    assert talk.client.denial == REVOKED


def test_a_full_host_is_told_apart_from_one_that_does_not_admit() -> None:
    talk = shows(Shown())
    assert talk.client.receive(0, refusal_of_hello(Denial("host_full")), talk.now) == [BondOver(HOST_FULL)]


@pytest.mark.parametrize(
    "forged",
    [refusal_of_hello(REVOKED, b"nope"), encode_refused(Refused(NO_SESSION)), encode_refused(Refused(9, bytes(16)))],
    ids=["wrong key", "no proof", "no reason"],
)
def test_a_refusal_that_a_bridge_has_made_up_is_the_fault_of_the_bridge(forged: bytes) -> None:
    talk = shows(Shown())
    assert LinkClosed(0, TAMPERED) in talk.client.receive(0, forged, talk.now)
    assert talk.client.denial is None


def test_that_a_host_cannot_open_what_is_sealed_is_told_apart_and_proves_nothing() -> None:
    refused = encode_refused(Refused(NOT_OPENED))
    talk = shows(Shown())
    assert talk.client.receive(0, refused, talk.now) == [BondOver(CANNOT_OPEN)]
    assert talk.client.denial is None
    without = shows(None)  # it has sealed nothing
    assert LinkClosed(0, TAMPERED) in without.client.receive(0, refused, without.now)


def test_no_refusal_is_taken_once_something_else_has_come() -> None:
    talk = shows(Shown())
    talk.carry(Role.CLIENT)
    talk.sent(Role.EGRESS, talk.egress.send(b"welcome", talk.now))
    talk.carry(Role.EGRESS)
    assert LinkClosed(0, TAMPERED) in talk.client.receive(0, refusal_of_hello(REVOKED), talk.now)
    assert talk.client.denial is None


def test_the_end_of_an_invite_is_told_on_every_link_and_only_under_protection() -> None:
    talk = Conversation()
    talk.protect()
    talk.carry(Role.EGRESS)
    _, events = talk.client.add(LINK_QUEUE_MAX, talk.now)
    join = next(event for event in events if isinstance(event, Transmit))
    _, answer = talk.egress.admit(join.message, LINK_QUEUE_MAX, talk.now)
    talk.sent(Role.EGRESS, answer)
    talk.carry(Role.EGRESS)
    talk.sent(Role.EGRESS, talk.egress.close(talk.now, REVOKED))
    assert {each.number for each in talk.on_way[Role.EGRESS]} == {0, 1}
    assert talk.carry(Role.EGRESS, links={1}) == [BondOver(SESSION_CLOSED)]
    assert talk.client.denial == REVOKED


def test_a_farewell_without_protection_tells_no_reason_whoever_sends_it() -> None:
    talk = shows(Shown())
    talk.carry(Role.CLIENT)
    talk.sent(Role.EGRESS, talk.egress.close(talk.now, REVOKED))
    assert b"invite_revoked" not in talk.on_way[Role.EGRESS][-1].message
    forged = bytes((PLAIN,)) + encode(Frames(bye=True, farewell=encode_denial(REVOKED)))
    assert talk.client.receive(0, forged, talk.now) == [BondOver(SESSION_CLOSED)]
    assert talk.client.denial is None
