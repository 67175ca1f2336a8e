"""When an acknowledgement is due, and on which links."""

import math

from freespan.link.bond.acks import PendingAcks


def test_an_acknowledgement_is_due_after_a_moment_or_a_dozen() -> None:
    acks = PendingAcks()
    assert acks.due_at == math.inf
    acks.on_message(1.0, has_packet=True)
    assert 1.0 < acks.due_at <= 1.01
    due = acks.due_at
    for _ in range(10):
        acks.on_message(1.001, has_packet=True)
    assert acks.due_at == due
    acks.on_message(1.002, has_packet=True)
    assert acks.due_at == 1.002
    assert acks.should_piggyback
    acks.on_sent()
    assert acks.due_at == math.inf
    assert not acks.should_piggyback


def test_a_ping_makes_an_acknowledgement_due_at_once() -> None:
    acks = PendingAcks()
    acks.on_message(1.0, has_packet=False)
    acks.on_ping(4, 1.0)
    assert acks.due_at == 1.0
    assert acks.pinged_links == {4}
    assert not acks.has_packets


def test_a_piggybacked_acknowledgement_answers_the_pings_of_its_own_link_alone() -> None:
    acks = PendingAcks()
    acks.on_ping(2, 1.0)
    acks.on_ping(3, 1.0)
    acks.on_piggybacked(2)
    assert acks.pinged_links == {3}
    assert acks.due_at == 1.0
    acks.on_piggybacked(3)
    assert not acks.pinged_links
    assert acks.due_at == math.inf
