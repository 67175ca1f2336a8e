"""How many links there should be to a bridge: only loss is a reason, and only what helps stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.lanes.controller import LaneController, LaneSample
from freespan.client.lanes.queueing import Queue
from freespan.client.settings import ClientSettings
from freespan.wire.limits import LANES_MAX

STEPS = ClientSettings().lane_steps
Played = tuple[float, int] | tuple[float, int, Queue]
"""What a bridge does in a second, as in `LaneSample`; without a queue, none."""


def play(controller: LaneController, seconds: int, path: Callable[[int, int], Played], begin: int = 0) -> list[int]:
    """The links that are wanted after each second of a path, which says what this many links carry then."""
    wanted = []
    for now in range(begin, begin + seconds):
        rate, loss_signals, *queue = path(controller.links_wanted, now)
        controller.on_second(LaneSample(rate, loss_signals, queue[0] if queue else Queue.NONE), float(now))
        wanted.append(controller.links_wanted)
    return wanted


def new_controller() -> LaneController:
    return LaneController(STEPS)


def lossy(links: int, now: int) -> Played:
    return 200e3 * links, (now % 3 != 0) * 2


def even(links: int, now: int) -> Played:
    return 2.4e6, 0


def full_whatever_the_links(links: int, now: int) -> Played:
    return 300e3, 2


@given(st.lists(st.tuples(st.floats(0, 1e8), st.integers(0, 1000), st.sampled_from(Queue)), max_size=200))
def test_any_history_stays_within_bounds(history: list[Played]) -> None:
    wanted = play(new_controller(), len(history), lambda _, now: history[now])
    assert all(1 <= links <= 1 + LANES_MAX for links in wanted)


@given(st.lists(st.floats(0, 1e8), max_size=200), st.sampled_from([Queue.NONE, Queue.NETWORK]))
def test_without_a_sign_of_loss_there_is_one(rates: list[float], queue: Queue) -> None:
    wanted = play(new_controller(), len(rates), lambda _, now: (rates[now], 0, queue))
    assert set(wanted) <= {1}


@given(st.lists(st.integers(0, 1000), max_size=100), st.sampled_from([Queue.NONE, Queue.NETWORK]))
def test_a_bridge_with_little_to_carry_has_one(loss_signals: list[int], queue: Queue) -> None:
    wanted = play(new_controller(), len(loss_signals), lambda _, now: (20e3, loss_signals[now], queue))
    assert set(wanted) <= {1}


@given(st.lists(st.sampled_from(Queue), max_size=100))
def test_so_has_one_that_carries_next_to_nothing(queues: list[Queue]) -> None:
    wanted = play(new_controller(), len(queues), lambda _, now: (5e3, 0, queues[now]))
    assert set(wanted) <= {1}


@given(st.floats(0, 1e6), st.lists(st.tuples(st.integers(1, 5), st.floats(0, 1e6)), max_size=20))
def test_one_second_in_eight_with_a_queue_in_the_network_is_enough(rate: float, gaps: list[tuple[int, float]]) -> None:
    """A path that is full now and then, as one with a shallow queue is, is not a lossy one."""
    seconds: list[Played] = []
    for gap, other in gaps:
        seconds += [(rate, 0, Queue.SCTP)] * gap + [(other, 0, Queue.NETWORK)]
    assert set(play(new_controller(), len(seconds), lambda _, now: seconds[now])) <= {1}


def very_lossy(links: int, now: int) -> Played:
    """3 % at 200 ms: two or three messages a second on each link, and no sign of loss in their times."""
    queue = Queue.SCTP if links == 1 or now % 5 else Queue.NONE
    return (32e3 + 16e3 * (now % 3 - 1)) * links, 0, queue


def test_a_very_lossy_path_gets_four_and_then_eight_and_keeps_them() -> None:
    wanted = play(new_controller(), 120, very_lossy)
    assert sorted(set(wanted)) == [1, 4, 8]
    assert wanted == sorted(wanted)
    assert wanted.index(8) <= 25


def test_messages_that_wait_on_a_fast_link_are_no_sign() -> None:
    assert set(play(new_controller(), 60, lambda _, __: (500e3, 0, Queue.SCTP))) == {1}


def test_a_slow_path_must_bring_clearly_more() -> None:
    """Half a Mbit/s that loses IP packets: one link does not quite fill it, and what four add is a queue."""
    wanted = play(new_controller(), 60, lambda links, now: (40e3 if links == 1 else 50e3, 0, Queue.SCTP))
    assert sorted(set(wanted)) == [1, 4]
    assert wanted[-1] == 1
    assert sum(links > 1 for links in wanted) == 14


def test_a_lossy_path_gets_four_and_then_eight() -> None:
    wanted = play(new_controller(), 40, lossy)
    assert sorted(set(wanted)) == [1, 4, 8]
    assert wanted == sorted(wanted)
    assert wanted.index(8) <= 20


def test_lanes_that_do_not_help_go_again_for_a_minute() -> None:
    wanted = play(new_controller(), 200, full_whatever_the_links)
    assert sorted(set(wanted)) == [1, 4]
    begins = [now for now in range(1, 200) if wanted[now] > wanted[now - 1]]
    assert begins[1] - begins[0] >= 60
    assert sum(links > 1 for links in wanted) <= 30


def test_the_step_that_does_not_help_goes_and_the_one_before_stays() -> None:
    wanted = play(new_controller(), 60, lambda links, now: (200e3 * min(links, 4), 3))
    assert wanted[-1] == 4
    assert max(wanted) == 8


def test_a_path_whose_queue_overflows_at_the_start_is_not_lossy() -> None:
    """SCTP fills the queue, loses much at once, and begins anew: what it carries is anything but steady."""
    seen = [(104e3, 2), (1474e3, 3), (16e3, 0), (32e3, 0), (282e3, 5), (1451e3, 3), (2309e3, 0), (2293e3, 0)]
    wanted = play(new_controller(), 60, lambda links, now: seen[now] if now < len(seen) else even(links, now))
    assert set(wanted) == {1}


SLOW_WAYS_BACK = [
    [(60e3, 1), (884e3, 1), (1622e3, 1), (602e3, 4), (280e3, 1), (355e3, 0), (394e3, 0), (468e3, 0), (560e3, 0)],
    [(63e3, 1), (856e3, 0), (1462e3, 1), (1092e3, 2), (570e3, 0), (596e3, 0), (606e3, 1), (724e3, 0), (800e3, 0)],
]


@pytest.mark.parametrize("seen", SLOW_WAYS_BACK)
def test_one_overflow_and_the_slow_way_back_are_not_loss(seen: list[Played]) -> None:
    wanted = play(new_controller(), 60, lambda links, now: seen[now] if now < len(seen) else even(links, now))
    assert set(wanted) == {1}


def test_a_fast_bridge_needs_none() -> None:
    assert set(play(new_controller(), 60, lambda _, __: (5e6, 9))) == {1}


def test_calm_closes_all_but_the_first() -> None:
    controller = new_controller()
    play(controller, 40, lossy)
    wanted = play(controller, 60, lambda _, __: (100.0, 0), begin=40)
    assert wanted[15] == 8
    assert wanted[-1] == 1


def test_so_does_a_path_that_has_become_good() -> None:
    controller = new_controller()
    play(controller, 40, lossy)
    assert play(controller, 60, even, begin=40)[-1] == 1
