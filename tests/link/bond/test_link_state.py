"""What is in flight on a link, and when it is suspected."""

import math

import pytest

from freespan.wire.errors import MessageError
from tests.link.bond.states import SETTINGS, a_link, a_packet


def test_a_count_acknowledges_the_oldest_messages_in_flight() -> None:
    link = a_link(min_rtt=0.0)
    packets = [a_packet(number) for number in range(3)]
    for at, packet in enumerate(packets):
        link.on_sent(packet, 100, float(at))
    link.on_sent(None, 20, 3.0)
    assert link.in_flight_since == 0.0
    assert link.on_ack(2, 4.0)
    assert [packet.is_acked for packet in packets] == [True, True, False]
    assert packets[0].data == b""
    assert link.in_flight_since == 2.0
    assert link.congestion.min_rtt == 3.0
    assert not link.on_ack(1, 4.5)
    assert link.on_ack(4, 5.0)
    assert link.in_flight_since == math.inf
    assert link.congestion.in_flight == 0
    with pytest.raises(MessageError):
        link.on_ack(5, 6.0)


def test_a_packet_is_given_up_once_and_only_when_no_other_link_has_it() -> None:
    one, other = a_link(0), a_link(1)
    shared, lone, pinged, arrived = a_packet(0), a_packet(1), None, a_packet(2)
    for packet in (shared, lone, pinged, arrived):
        one.on_sent(packet, 100, 1.0)
    other.on_sent(shared, 100, 2.0)
    arrived.is_acked = True
    assert one.give_up(before=0.5) == []
    assert one.give_up() == [lone]
    assert one.give_up() == []
    assert other.give_up() == [shared]


def test_a_link_is_suspected_after_four_round_trips_within_bounds() -> None:
    assert a_link(min_rtt=0.01).suspect_after == SETTINGS.suspect_min_seconds
    assert a_link(min_rtt=0.2).suspect_after == pytest.approx(0.8)
    assert a_link(min_rtt=3.0).suspect_after == SETTINGS.suspect_max_seconds
    assert a_link(min_rtt=0.0).suspect_after == SETTINGS.suspect_max_seconds
