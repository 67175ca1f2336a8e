"""What a session may cost: honest ones never owe much, however small their messages are."""

import itertools

import pytest

from freespan.tunnel.effort import (
    BYTE_SECONDS,
    DEBT_MAX_SECONDS,
    MESSAGE_SECONDS,
    REQUEST_SECONDS,
    STEP_MAX_SECONDS,
    SUSPICIOUS_SECONDS,
    Effort,
    slowness,
)

MEGABYTE = 1_000_000


def usual() -> float:
    return 1.0


def exact() -> float:
    return 2.0


def test_a_megabyte_that_costs_thirty_times_an_honest_one_is_too_much() -> None:
    effort = Effort(1.0, usual, exact)
    for _ in range(100):
        effort.spend(30 * 7e-9 * MEGABYTE / 100, MEGABYTE // 100, 0, 0)
    assert not effort.is_too_much
    for _ in range(100):
        effort.spend(30 * 7e-9 * MEGABYTE / 100, MEGABYTE // 100, 0, 0)
    assert effort.is_too_much


def test_honest_bytes_never_owe_anything() -> None:
    effort = Effort(1.0, usual, exact)
    for _ in range(10_000):
        effort.spend(10 * 7e-9 * 16_000, 16_000, 1, 1)
    assert effort.debt == 0


def test_small_messages_and_pieces_of_many_streams_are_allowed_for() -> None:
    effort = Effort(1.0, usual, exact)
    for _ in range(10_000):
        effort.spend(0.00015, 40, 1, 1)  # a letter
        effort.spend(0.0013, 2_000, 1, 120)  # a few bytes of each of 120 streams
    assert effort.debt == 0


def test_requests_pay_debts_back() -> None:
    effort = Effort(1.0, usual, exact)
    for _ in range(10_000):
        effort.spend(MESSAGE_SECONDS + REQUEST_SECONDS / 2, 0, 1, 0)
        effort.on_request()
    assert effort.debt <= REQUEST_SECONDS


def test_a_pause_that_somebody_else_causes_is_forgiven() -> None:
    effort = Effort(1.0, usual, exact)
    effort.spend(60.0, 0, 1, 0)
    assert effort.debt <= STEP_MAX_SECONDS < DEBT_MAX_SECONDS


def test_a_slow_machine_is_measured_by_its_own_speed() -> None:
    effort = Effort(10.0, usual, exact)
    for _ in range(1_000):
        effort.spend(10 * BYTE_SECONDS * 10_000, 10_000, 0, 0)
    assert effort.debt == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("took", "factor"), [(0.00005, 1.0), (0.0001, 1.0), (0.001, 10.0)])
def test_slowness_is_that_of_the_best_time(took: float, factor: float) -> None:
    times = itertools.chain([0.0, 1.0, 1.0, 1.0 + took], itertools.count(2.0))
    assert slowness(lambda: next(times)) == pytest.approx(factor)


def test_what_seems_too_much_is_measured_again_by_the_clock_of_the_thread() -> None:
    effort = Effort(1.0, usual, exact)
    assert effort.clock is usual
    effort.spend(2 * SUSPICIOUS_SECONDS, 0, 1, 0)  # the thread may have waited
    assert effort.clock is exact
    assert effort.debt == 0
    effort.spend(SUSPICIOUS_SECONDS / 2, 0, 0, 0)
    assert effort.clock is exact
    effort.spend(0.0001, MEGABYTE, 1, 1)
    assert effort.clock is usual
