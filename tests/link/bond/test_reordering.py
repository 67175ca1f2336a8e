"""Packets are put back into order, and no more is held back than the protocol allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.link.bond.reordering import ReorderBuffer
from freespan.wire.errors import MessageError
from freespan.wire.limits import BOND_PACKET_COST, BOND_SPAN_MAX, DATAGRAM_SIZE


@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=12))
def test_any_order_is_restored(order: list[int], duplicates: list[int]) -> None:
    buffer = ReorderBuffer()
    delivered = []
    for number in [*order, *duplicates]:
        delivered += buffer.receive(number, bytes((number,)))
    assert delivered == [bytes((number,)) for number in range(12)]
    assert buffer.held_cost == 0
    assert buffer.duplicates == len(duplicates)


def test_no_more_is_held_back_than_a_sender_may_send() -> None:
    buffer = ReorderBuffer()
    count = BOND_SPAN_MAX // (DATAGRAM_SIZE + BOND_PACKET_COST)
    for number in range(1, count + 1):
        buffer.receive(number, bytes(DATAGRAM_SIZE))
    assert buffer.held_cost <= BOND_SPAN_MAX
    with pytest.raises(MessageError):
        buffer.receive(count + 1, bytes(DATAGRAM_SIZE))
    assert len(buffer.receive(0, b"first")) == count + 1
    assert buffer.held_cost == 0


def test_small_packets_cost_too() -> None:
    buffer = ReorderBuffer()
    with pytest.raises(MessageError):
        for number in range(1, BOND_SPAN_MAX // BOND_PACKET_COST + 2):
            buffer.receive(number, b"x")
