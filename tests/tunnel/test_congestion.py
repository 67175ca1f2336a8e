import pytest
from aioquic.quic.congestion.base import create_congestion_control
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.tls import Epoch
from hypothesis import given
from hypothesis import strategies as st

from freespan.tunnel.congestion import FRAMES_IN_FLIGHT_MAX, NAME, SendCreditControl
from freespan.wire.limits import CWND_MAX, DATAGRAM_SIZE


def packet(number: int, sent_time: float, epoch: Epoch = Epoch.ONE_RTT) -> QuicSentPacket:
    return QuicSentPacket(
        epoch=epoch,
        in_flight=True,
        is_ack_eliciting=True,
        is_crypto_packet=False,
        packet_number=number,
        packet_type=QuicPacketType.ONE_RTT,
        sent_time=sent_time,
        sent_bytes=DATAGRAM_SIZE,
    )


@pytest.fixture
def control() -> SendCreditControl:
    return SendCreditControl(max_datagram_size=DATAGRAM_SIZE)


def test_aioquic_knows_it_by_name() -> None:
    assert isinstance(create_congestion_control(NAME, max_datagram_size=DATAGRAM_SIZE), SendCreditControl)


@given(st.integers(0, CWND_MAX), st.integers(0, CWND_MAX))
def test_only_whole_datagrams_and_never_less_than_nothing(send_credit: int, in_flight: int) -> None:
    control = SendCreditControl(max_datagram_size=DATAGRAM_SIZE)
    control.send_credit, control.bytes_in_flight = send_credit, in_flight
    allowed = control.congestion_window - in_flight
    assert 0 <= allowed <= send_credit
    assert allowed % DATAGRAM_SIZE == 0


def test_packets_of_two_epochs_may_have_one_number(control: SendCreditControl) -> None:
    first, same_number = packet(1, 1.0, Epoch.HANDSHAKE), packet(1, 1.0)
    control.on_packet_sent(packet=first)
    control.on_packet_sent(packet=same_number)
    control.on_packet_acked(now=1.1, packet=first)
    control.on_rtt_measurement(now=1.1, rtt=0.1)
    assert control.bytes_in_flight == DATAGRAM_SIZE
    control.on_packet_acked(now=1.2, packet=same_number)
    assert control.bytes_in_flight == 0
    assert control.min_rtt == 0.1


def test_what_was_lost_or_is_not_needed_leaves_the_flight(control: SendCreditControl) -> None:
    packets = [packet(number, 0.0) for number in range(4)]
    for sent in packets:
        control.on_packet_sent(packet=sent)
    control.on_packets_lost(now=1.0, packets=packets[:2])
    control.on_packets_expired(packets=packets[2:3])
    assert control.bytes_in_flight == DATAGRAM_SIZE


def test_the_smallest_round_trip_of_late(control: SendCreditControl) -> None:
    assert control.min_rtt == 0
    for now, seconds, expected in [(1, 0.2, 0.2), (2, 0.1, 0.1), (3, 0.3, 0.1), (12.5, 0.3, 0.3), (13, 0.2, 0.2)]:
        control.on_rtt_measurement(now=now, rtt=seconds)
        assert control.min_rtt == expected


def test_many_small_frames_fill_the_flight_as_many_packets_do(control: SendCreditControl) -> None:
    """A packet can carry a hundred frames of as many streams, and each is kept until it is acknowledged."""
    control.send_credit = 1_000 * DATAGRAM_SIZE
    packets = [packet(number, 0.0) for number in range(FRAMES_IN_FLIGHT_MAX // 128)]
    for sent in packets:
        assert control.congestion_window > control.bytes_in_flight
        sent.delivery_handlers = [(lambda delivery: None, ())] * 128
        control.on_packet_sent(packet=sent)
    assert control.congestion_window == control.bytes_in_flight
    control.on_packet_acked(now=0.1, packet=packets[0])
    assert control.congestion_window > control.bytes_in_flight
    control.on_packets_lost(now=1.0, packets=packets[1:])
    assert control.frames_in_flight == 0
