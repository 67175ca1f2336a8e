"""Where messages wait, known from two round trips: theirs, and that of ICE's connectivity checks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.lanes.queueing import Queue, QueueLocator

SECONDS = st.floats(0, 100)


def queues(*round_trips: tuple[float, float]) -> list[Queue]:
    locator = QueueLocator()
    return [locator.locate(message, ice) for message, ice in round_trips]


def test_a_lossy_path_keeps_messages_waiting_and_checks_not() -> None:
    assert queues((0.21, 0.2), (1.6, 0.201), (0.8, 0.21)) == [Queue.NONE, Queue.SCTP, Queue.SCTP]


@pytest.mark.parametrize("buffer", [0.06, 0.2, 1.0])
def test_a_full_path_without_loss_keeps_both(buffer: float) -> None:
    """Half a Mbit/s: 64,000 bytes are on their way, and the router's queue is shallow or deep."""
    assert queues((0.11, 0.105), (1.1, 0.105 + buffer))[-1] is Queue.NETWORK


@given(st.floats(0.001, 1), st.floats(1, 1.25))
def test_what_the_congestion_window_allows_is_no_waiting(least: float, longer: float) -> None:
    """Messages may take a quarter and 15 ms more than the minimum, whether checks take longer as well or not."""
    for ice in (least, least * longer):
        assert queues((least, least), (least * 1.25 + 0.015, ice))[-1] is Queue.NONE


@given(st.lists(st.tuples(SECONDS, SECONDS)))
def test_without_both_nothing_is_known(round_trips: list[tuple[float, float]]) -> None:
    assert set(queues(*((message, 0.0) for message, _ in round_trips))) <= {Queue.NONE}
    assert Queue.SCTP not in queues(*((0.0, ice) for _, ice in round_trips))


@given(st.floats(0.001, 1), st.floats(0.001, 100), st.floats(0.001, 100))
def test_what_a_queue_of_the_network_makes_longer_is_never_above(least: float, queue: float, more: float) -> None:
    """However deep the queue: what checks wait, messages may wait too."""
    place = queues((least, least), (least + queue, least + queue))[-1]
    assert place is not Queue.SCTP
    assert queues((least, least), (least + queue + more, least + queue + 0.25 * least + 0.03))[-1] is Queue.NETWORK
