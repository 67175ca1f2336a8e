"""Where messages wait, told by two round trips: theirs, and that of the packets under them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.lanes.queueing import Place, Waiting

SECONDS = st.floats(0, 100)


def places(*round_trips: tuple[float, float]) -> list[Place]:
    waiting = Waiting()
    return [waiting.place(message, packet) for message, packet in round_trips]


def test_a_lossy_road_keeps_messages_waiting_and_packets_not() -> None:
    assert places((0.21, 0.2), (1.6, 0.201), (0.8, 0.21)) == [Place.NOWHERE, Place.ABOVE, Place.ABOVE]


@pytest.mark.parametrize("buffer", [0.06, 0.2, 1.0])
def test_a_full_road_without_loss_keeps_both(buffer: float) -> None:
    """Half a Mbit/s: 64,000 bytes are on their way, and the router's queue is shallow or deep."""
    assert places((0.11, 0.105), (1.1, 0.105 + buffer))[-1] is Place.NETWORK


@given(st.floats(0.001, 1), st.floats(1, 1.25))
def test_a_window_and_its_slack_are_no_waiting(least: float, longer: float) -> None:
    """On a link whose window fits, messages take a quarter and 15 ms more than the least; packets may, or not."""
    for packet in (least, least * longer):
        assert places((least, least), (least * 1.25 + 0.015, packet))[-1] is Place.NOWHERE


@given(st.lists(st.tuples(SECONDS, SECONDS)))
def test_without_both_nothing_is_known(round_trips: list[tuple[float, float]]) -> None:
    assert set(places(*((message, 0.0) for message, _ in round_trips))) <= {Place.NOWHERE}
    assert Place.ABOVE not in places(*((0.0, packet) for _, packet in round_trips))


@given(st.floats(0.001, 1), st.floats(0.001, 100), st.floats(0.001, 100))
def test_what_a_queue_of_the_network_makes_longer_is_never_above(least: float, queue: float, more: float) -> None:
    """However deep the queue: what packets wait, messages may wait too."""
    place = places((least, least), (least + queue, least + queue))[-1]
    assert place is not Place.ABOVE
    assert places((least, least), (least + queue + more, least + queue + 0.25 * least + 0.03))[-1] is Place.NETWORK
