"""What links carry from one measurement to the next."""

from __future__ import annotations

from freespan.client.link_meter import LinkActivity, LinkMeter
from freespan.link.bond.stats import LinkStats


def stats(number: int, sent: int, received: int = 0, loss_signals: int = 0) -> LinkStats:
    return LinkStats(number, "open", 0.0, 0.1, 0.1, 0, sent, received, loss_signals)


def test_a_rate_is_what_both_directions_carried_in_the_time_that_has_passed() -> None:
    meter = LinkMeter(10.0)
    assert meter.measure([stats(0, 1_000, 3_000, 2)], 12.0) == {0: LinkActivity(2_000.0, 2)}
    assert meter.measure([stats(0, 2_000, 3_500, 5)], 12.5) == {0: LinkActivity(3_000.0, 3)}


def test_a_link_that_closes_takes_nothing_from_what_the_others_carry() -> None:
    meter = LinkMeter(0.0)
    meter.measure([stats(0, 1_000), stats(1, 5_000)], 1.0)
    assert meter.measure([stats(0, 3_000)], 2.0) == {0: LinkActivity(2_000.0, 0)}


def test_a_link_that_joins_counts_from_its_beginning() -> None:
    meter = LinkMeter(0.0)
    meter.measure([], 1.0)
    assert meter.measure([stats(4, 500)], 2.0) == {4: LinkActivity(500.0, 0)}


def test_two_measurements_in_one_moment_divide_nothing_by_zero() -> None:
    meter = LinkMeter(1.0)
    assert meter.measure([stats(0, 0)], 1.0) == {0: LinkActivity(0.0, 0)}
