"""The small parts of the core, one by one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.link.bond.congestion import CongestionController, Phase
from freespan.link.bond.departed import Departed
from freespan.link.bond.envelope import Envelope
from freespan.link.bond.health import NOT_JOINED, SILENT, look
from freespan.link.bond.member import Member
from freespan.link.bond.numbers import UsedNumbers
from freespan.link.bond.owed import Owed
from freespan.link.bond.receiving import Receiving
from freespan.link.bond.schedule import Scheduler, arrival_when_full
from freespan.link.bond.seal import Role
from freespan.link.bond.sending import Packet, Sending
from freespan.wire.errors import MessageError
from freespan.wire.limits import (
    BOND_LATE_SECONDS,
    BOND_PACKET_COST,
    BOND_SPAN_MAX,
    BOND_SPREAD_SECONDS,
    DATAGRAM_SIZE,
    LINK_JOIN_SECONDS,
    LINK_QUEUE_MAX,
    LINK_SILENT_ALONE_SECONDS,
    LINK_SILENT_SECONDS,
    LINK_SUSPECT_MAX_SECONDS,
    LINK_SUSPECT_MIN_SECONDS,
)


def a_member(number: int = 0, *, min_rtt: float = 0.05, rate: float = 0.0, now: float = 0.0) -> Member:
    member = Member(number, Envelope.first(Role.CLIENT, number), CongestionController(), now)
    member.joined = True
    member.send_credit = LINK_QUEUE_MAX
    if min_rtt:
        member.window.on_rtt_sample(min_rtt, now)
    member.window.rate = rate
    return member


def steady(number: int, rate: float, min_rtt: float) -> Member:
    """A link that has been used for a while."""
    member = a_member(number, min_rtt=min_rtt, rate=rate)
    member.window.phase = Phase.STEADY
    member.window.window = int(rate * member.window.full_seconds)
    return member


def a_packet(number: int = 0) -> Packet:
    return Packet(number, bytes(100), 100)


# --- receiving ---------------------------------------------------------------------------------------
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=12))
def test_any_order_is_put_right(order: list[int], doubles: list[int]) -> None:
    receiving = Receiving()
    delivered = []
    for number in [*order, *doubles]:
        delivered += receiving.take(number, bytes((number,)))
    assert delivered == [bytes((number,)) for number in range(12)]
    assert receiving.held_bytes == 0
    assert receiving.doubles == len(doubles)


def test_no_more_is_held_than_a_sender_may_send() -> None:
    receiving = Receiving()
    count = BOND_SPAN_MAX // (DATAGRAM_SIZE + BOND_PACKET_COST)
    for number in range(1, count + 1):
        receiving.take(number, bytes(DATAGRAM_SIZE))
    assert receiving.held_bytes <= BOND_SPAN_MAX
    with pytest.raises(MessageError):
        receiving.take(count + 1, bytes(DATAGRAM_SIZE))
    assert len(receiving.take(0, b"first")) == count + 1
    assert receiving.held_bytes == 0


def test_small_packets_cost_too() -> None:
    receiving = Receiving()
    with pytest.raises(MessageError):
        for number in range(1, BOND_SPAN_MAX // BOND_PACKET_COST + 2):
            receiving.take(number, b"x")


# --- sending -----------------------------------------------------------------------------------------
def test_packets_leave_in_order_of_their_numbers_and_those_that_arrived_not_at_all() -> None:
    sending = Sending()
    packets = [sending.take(bytes((number,))) for number in range(5)]
    for each in packets:
        each.was_sent = True
    for number in (3, 1, 4, 2):
        sending.wait(packets[number])
    packets[2].acked = True
    left = []
    while (packet := sending.next_waiting()) is not None:
        sending.leaves(packet)
        left.append(packet.number)
    assert left == [1, 3, 4]
    assert sending.sent_again == 3
    assert sending.unsent_bytes == 0


def test_the_span_begins_at_the_first_packet_that_is_missing() -> None:
    sending = Sending()
    packets = [sending.take(bytes(DATAGRAM_SIZE)) for _ in range(BOND_SPAN_MAX // DATAGRAM_SIZE + 10)]
    assert sending.span_left < 0
    allowed = [packet for packet in packets if sending.may_leave(packet)]
    assert allowed == packets[: len(allowed)]
    assert allowed[-1].end <= BOND_SPAN_MAX < packets[len(allowed)].end
    for each in packets[1:]:
        each.acked = True
    sending.forget_acked()
    assert not sending.may_leave(packets[-1])
    packets[-1].was_sent = True
    assert sending.may_leave(packets[-1])
    packets[0].acked = True
    sending.forget_acked()
    assert sending.kept_bytes == 0
    assert sending.span_left == BOND_SPAN_MAX


# --- what is owed ------------------------------------------------------------------------------------
def test_an_acknowledgement_is_due_after_a_moment_or_a_dozen() -> None:
    owed = Owed()
    assert owed.due == math.inf
    owed.counted(1.0, is_packet=True)
    assert 1.0 < owed.due <= 1.01
    due = owed.due
    for _ in range(10):
        owed.counted(1.001, is_packet=True)
    assert owed.due == due
    owed.counted(1.002, is_packet=True)
    assert owed.due == 1.002
    assert owed.goes_along
    owed.said()
    assert owed.due == math.inf
    assert not owed.goes_along


def test_who_asks_gets_it_at_once() -> None:
    owed = Owed()
    owed.counted(1.0, is_packet=False)
    owed.ping(4, 1.0)
    assert owed.due == 1.0
    assert owed.pinged == {4}
    assert not owed.packets


# --- numbers -----------------------------------------------------------------------------------------
def test_a_number_is_good_once_and_not_for_ever() -> None:
    numbers = UsedNumbers()
    assert not numbers.is_new(0)
    for number in (2, 1, 5):
        assert numbers.is_new(number)
        numbers.use(number)
        assert not numbers.is_new(number)
    assert numbers.is_new(3)
    numbers.use(1_000_000)
    assert not numbers.is_new(3)
    assert numbers.is_new(999_990)


@given(st.lists(st.integers(0, 300)))
def test_memory_for_numbers_is_bounded(used: list[int]) -> None:
    numbers = UsedNumbers()
    for number in used:
        if numbers.is_new(number):
            numbers.use(number)
        assert not numbers.is_new(number)
    assert len(numbers._used) <= 64


# --- those that left ---------------------------------------------------------------------------------
def test_news_are_told_once_and_again_when_their_carrier_died() -> None:
    departed = Departed()
    member = a_member(3)
    member.received = 7
    departed.left(member)
    assert departed.to_say() == ((3, 7),)
    assert departed.to_say() == ()
    departed.tell_again()
    departed.tell(5, 0)
    assert departed.to_say() == ((3, 7), (5, 0))
    assert departed.member(3) is member
    departed.heard(3)
    assert departed.member(3) is None


def test_only_the_last_ones_are_remembered() -> None:
    departed = Departed()
    for number in range(200):
        departed.left(a_member(number))
    assert len(departed) == len(departed.to_say()) == 64
    assert departed.member(100) is None
    assert departed.member(199) is not None


# --- a link ------------------------------------------------------------------------------------------
def test_a_count_acknowledges_the_first_of_the_flight() -> None:
    member = a_member(min_rtt=0.0)
    packets = [a_packet(number) for number in range(3)]
    for at, packet in enumerate(packets):
        member.sent(packet, 100, float(at))
    member.sent(None, 20, 3.0)
    assert member.waiting_since == 0.0
    assert member.acknowledge(2, 4.0)
    assert [packet.acked for packet in packets] == [True, True, False]
    assert packets[0].data == b""
    assert member.waiting_since == 2.0
    assert member.window.min_rtt == 3.0
    assert not member.acknowledge(1, 4.5)
    assert member.acknowledge(4, 5.0)
    assert member.waiting_since == math.inf
    assert member.window.in_flight == 0
    with pytest.raises(MessageError):
        member.acknowledge(5, 6.0)


def test_a_packet_is_given_up_once_and_only_when_no_other_link_has_it() -> None:
    one, other = a_member(0), a_member(1)
    shared, lone, pinged, arrived = a_packet(0), a_packet(1), None, a_packet(2)
    for packet in (shared, lone, pinged, arrived):
        one.sent(packet, 100, 1.0)
    other.sent(shared, 100, 2.0)
    arrived.acked = True
    assert list(one.give_up(before=0.5)) == []
    assert list(one.give_up()) == [lone]
    assert list(one.give_up()) == []
    assert list(other.give_up()) == [shared]


def test_patience_is_four_round_trips_within_bounds() -> None:
    assert a_member(min_rtt=0.01).patience == LINK_SUSPECT_MIN_SECONDS
    assert a_member(min_rtt=0.2).patience == pytest.approx(0.8)
    assert a_member(min_rtt=3.0).patience == LINK_SUSPECT_MAX_SECONDS
    assert a_member(min_rtt=0.0).patience == LINK_SUSPECT_MAX_SECONDS


# --- where a packet goes -------------------------------------------------------------------------------
def test_the_link_on_which_it_arrives_first() -> None:
    scheduler = Scheduler()
    near, far = steady(0, 2e6, 0.02), steady(1, 2e6, 0.08)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.0) is near
    for _ in range(2):
        far.window.sent(DATAGRAM_SIZE, 0.0)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.0) is near


def test_patience_with_full_links_ends_when_the_slower_one_would_have_been_right() -> None:
    scheduler = Scheduler()
    near, far = steady(0, 2e6, 0.02), steady(1, 2e6, 0.2)
    while near.window_left > 0:
        near.window.sent(DATAGRAM_SIZE, 0.0)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.0) is None
    scheduler.pressed(0.0, is_full=True)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.05) is None
    assert scheduler.send_credit([near, far], 0.05) == 0
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.25) is far
    assert scheduler.send_credit([near, far], 0.25) > 0
    scheduler.pressed(0.25, is_full=False)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.25) is None


def test_a_small_packet_takes_the_soonest_link_even_if_its_window_is_full() -> None:
    near, far = steady(0, 2e6, 0.02), steady(1, 2e6, 0.2)
    while near.window_left > 0:
        near.window.sent(DATAGRAM_SIZE, 0.0)
    assert Scheduler().choose([near, far], 40, 0.0) is near


@given(st.integers(1, 4), st.floats(0, 10), st.data())
def test_no_packet_goes_where_it_would_hold_up_the_others_for_too_long(
    count: int, pressed: float, data: st.DataObject
) -> None:
    members = []
    for number in range(count):
        member = a_member(number, min_rtt=data.draw(st.floats(0.001, 2)), rate=data.draw(st.floats(1e4, 1e8)))
        member.window.sent(data.draw(st.integers(0, 300_000)), 0.0)
        member.send_credit = data.draw(st.sampled_from([0, 20_000, LINK_QUEUE_MAX]))
        members.append(member)
    scheduler = Scheduler()
    scheduler.pressed(0.0, is_full=True)
    chosen = scheduler.choose(members, DATAGRAM_SIZE, pressed)
    room = scheduler.send_credit(members, pressed)
    assert room % DATAGRAM_SIZE == 0
    assert room <= sum(member.send_credit for member in members)
    if chosen is None:
        return
    assert chosen.window_left > 0
    assert chosen.send_credit >= DATAGRAM_SIZE
    if count > 1:
        best = min(member.window.full_seconds + 16_064 / member.window.rate for member in members)
        assert chosen.window.min_rtt <= best + BOND_SPREAD_SECONDS


def test_no_link_no_room() -> None:
    assert Scheduler().choose([], DATAGRAM_SIZE, 0.0) is None
    assert Scheduler().send_credit([], 0.0) == 0


# --- trust ---------------------------------------------------------------------------------------------
def test_a_silent_link_is_suspected_given_up_and_ended_while_another_lives() -> None:
    silent, alive = a_member(0), a_member(1)
    silent.sent(a_packet(), 100, 0.0)
    findings = look([silent, alive], 0.4, 0.0, asks=True)
    assert not findings.suspect
    assert findings.probe == [silent]
    findings = look([silent, alive], 0.6, 0.0, asks=True)
    assert findings.suspect == [silent]
    assert [member for member, _ in findings.give_up] == [silent]
    assert not findings.dead
    findings = look([silent, alive], LINK_SILENT_SECONDS, 0.0, asks=True)
    assert not findings.suspect
    assert findings.dead == [(silent, SILENT)]


def test_when_all_are_silent_the_cause_may_be_here() -> None:
    members = [a_member(number) for number in range(3)]
    for member in members:
        member.sent(a_packet(), 100, 0.0)
    findings = look(members, 0.6, 0.0, asks=True)
    assert findings.suspect == members
    assert not findings.give_up
    findings = look(members, 10.0, 0.0, asks=True)
    assert not findings.dead
    members[0].acknowledge(1, 10.0)
    findings = look(members, 10.05, findings.alive_since, asks=True)
    assert not findings.dead, "the others have had no time yet"
    assert len(look(members, LINK_SILENT_ALONE_SECONDS, 10.0, asks=True).dead) == 2


@pytest.mark.parametrize(("min_rtt", "silent_after"), [(0.1, 2.0), (0.5, 2.0), (1.0, 4.0), (5.0, 6.0)])
def test_a_link_whose_messages_take_long_may_be_silent_for_longer(min_rtt: float, silent_after: float) -> None:
    silent, alive = a_member(0), a_member(1)
    silent.window.latest_rtt = min_rtt
    silent.sent(a_packet(), 100, 0.0)
    assert not look([silent, alive], silent_after - 0.05, 0.0, asks=True).dead
    assert look([silent, alive], silent_after, 0.0, asks=True).dead == [(silent, SILENT)]


def test_a_late_link_is_relieved_of_what_is_late() -> None:
    late, good = steady(0, 2e6, 0.05), a_member(1)
    late.opened_at = late.progress_at = late.heard_at = 0.0
    packets = [a_packet(0), a_packet(1)]
    late.sent(packets[0], 100, 10.0)
    late.sent(packets[1], 100, 10.4)
    late.progress_at = 10.6
    findings = look([late, good], 10.45, 0.0, asks=True)
    assert not findings.late
    now = 10.0 + BOND_LATE_SECONDS + 0.2
    findings = look([late, good], now, 0.0, asks=True)
    assert findings.late == [late]
    assert [list(member.give_up(before)) for member, before in findings.give_up] == [packets[:1]]
    assert not look([late, good], now, 0.0, asks=True).late, "it is news once"
    late.acknowledge(2, now)
    look([late, good], now, 0.0, asks=True)
    assert not late.late


@pytest.mark.parametrize("rate", [2e4, 5e4])
def test_where_all_are_slow_late_is_later(rate: float) -> None:
    """Four packets on their way take more than a second there, and a lost one as much again."""
    late, good = steady(0, rate, 0.2), steady(1, rate, 0.2)
    late.opened_at = late.progress_at = late.heard_at = 0.0
    good.progress_at = 20.0
    late.sent(a_packet(), 100, 10.0)
    fastest = arrival_when_full(good)
    assert fastest > BOND_LATE_SECONDS
    late.progress_at = 10.0 + 1.9 * fastest
    assert not look([late, good], 10.0 + 1.95 * fastest, 0.0, asks=True).late
    late.progress_at = 10.0 + 2 * fastest
    assert look([late, good], 10.0 + 2.05 * fastest, 0.0, asks=True).late == [late]


def test_when_all_are_late_nobody_can_help() -> None:
    members = [a_member(0), a_member(1)]
    for member in members:
        member.sent(a_packet(), 100, 0.0)
        member.progress_at = 0.95
    findings = look(members, 1.0, 0.0, asks=True)
    assert not findings.late
    assert not findings.give_up


def test_idle_links_are_asked_now_and_then() -> None:
    member = a_member()
    assert not look([member], 4.9, 0.0, asks=True).probe
    assert look([member], 4.9, 0.0, asks=True).next_at == 5.0
    assert look([member], 5.0, 0.0, asks=True).probe == [member]
    assert not look([member], 5.0, 0.0, asks=False).probe


def test_a_link_that_becomes_quiet_is_asked_once() -> None:
    member = a_member()
    member.packet_heard_at = member.heard_at = 1.0
    assert not look([member], 1.2, 0.0, asks=True).probe
    assert look([member], 1.3, 0.0, asks=True).probe == [member]
    assert not look([member], 1.3, 0.0, asks=False).probe
    member.probed_at = 1.3
    assert not look([member], 1.6, 0.0, asks=True).probe


def test_who_does_not_join_in_time_is_ended() -> None:
    member = a_member()
    member.joined = False
    assert not look([member], LINK_JOIN_SECONDS - 0.1, 0.0, asks=True).dead
    assert look([member], LINK_JOIN_SECONDS, 0.0, asks=True).dead == [(member, NOT_JOINED)]
