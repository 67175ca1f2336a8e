"""Packets wait in order, and leave within the span that the receiver can hold back."""

from freespan.link.bond.send_buffer import SendBuffer
from freespan.wire.limits import BOND_SPAN_MAX, DATAGRAM_SIZE


def test_packets_leave_in_order_of_their_numbers_unless_they_have_arrived() -> None:
    buffer = SendBuffer()
    packets = [buffer.accept(bytes((number,))) for number in range(5)]
    for each in packets:
        each.was_sent = True
    for number in (3, 1, 4, 2):
        buffer.wait(packets[number])
    packets[2].is_acked = True
    left = []
    while (packet := buffer.next_waiting()) is not None:
        buffer.on_leaving(packet)
        left.append(packet.number)
    assert left == [1, 3, 4]
    assert buffer.retransmissions == 3
    assert buffer.unsent_bytes == 0


def test_the_span_begins_at_the_first_packet_that_is_missing() -> None:
    buffer = SendBuffer()
    packets = [buffer.accept(bytes(DATAGRAM_SIZE)) for _ in range(BOND_SPAN_MAX // DATAGRAM_SIZE + 10)]
    assert buffer.span_left < 0
    allowed = [packet for packet in packets if buffer.may_send(packet)]
    assert allowed == packets[: len(allowed)]
    assert allowed[-1].end <= BOND_SPAN_MAX < packets[len(allowed)].end
    for each in packets[1:]:
        each.is_acked = True
    buffer.forget_acked()
    assert not buffer.may_send(packets[-1])
    packets[-1].was_sent = True
    assert buffer.may_send(packets[-1])
    packets[0].is_acked = True
    buffer.forget_acked()
    assert buffer.unacked_cost == 0
    assert buffer.span_left == BOND_SPAN_MAX
