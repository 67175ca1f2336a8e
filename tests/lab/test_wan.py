"""Wide area links: the rules by themselves, then that a real one keeps to them."""

import random

import pytest

from lab import wan_measure
from lab.wan import PACKET_MAX, Road, Way

MS = 1_000_000


def arrive_all(road: Road, packets: int, every_ns: int = 0, size: int = 1000) -> list[int]:
    chance = random.Random(7)
    for number in range(packets):
        road.arrive(number * every_ns, bytes(size), chance)
    return [at for at, _ in road.waiting]


def test_delay() -> None:
    assert arrive_all(Road(Way(delay_ms=25)), 2, every_ns=MS) == [25 * MS, 26 * MS]


def test_rate_spreads_packets_and_an_idle_link_saves_nothing_up() -> None:
    road = Road(Way(mb_s=1.0))
    assert arrive_all(road, 3) == [1 * MS, 2 * MS, 3 * MS]
    road.arrive(100 * MS, bytes(1000), random.Random(7))
    assert road.waiting[-1][0] == 101 * MS


def test_queue_drops_what_has_no_room() -> None:
    road = Road(Way(mb_s=1.0, queue_bytes=5000))
    assert len(arrive_all(road, 20)) == 5
    assert road.counts.overflowed == 15


def test_jitter_keeps_the_order_and_its_bounds() -> None:
    times = arrive_all(Road(Way(delay_ms=10, jitter_ms=5)), 500, every_ns=MS // 10)
    assert times == sorted(times)
    assert all(10 * MS <= at - number * MS // 10 <= 15 * MS for number, at in enumerate(times))


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.2, 1.0])
def test_loss(loss: float) -> None:
    road = Road(Way(loss=loss))
    passed = len(arrive_all(road, 20_000, size=PACKET_MAX))
    assert abs((20_000 - passed) / 20_000 - loss) < 0.01
    assert road.counts.lost == 20_000 - passed


def test_a_real_link_is_as_late_as_it_was_told(small_network: None) -> None:
    error = wan_measure.measure_delay(40)
    # a tenth of what was asked; the figures of an idle machine are in docs/lab.md
    assert -0.5 < error.median_ms < 8
    assert error.n > 95


def test_a_real_link_keeps_its_rate(small_network: None) -> None:
    assert 0.6 < wan_measure.measure_rate(Way(1, mb_s=1.0), 1_000_000) < 1.0
