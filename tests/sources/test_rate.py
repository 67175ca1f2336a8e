"""Budgets: what a host and a network may do, and what the table forgets when it is full."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.sources.rate import Rate, RateBudgets
from freespan.sources.source import Source


def a_source(host: int = 1, network: int | None = None) -> Source:
    return Source(b"h%d" % host, b"n%d" % (host if network is None else network))


def budgets(sources_max: int = 100) -> RateBudgets:
    return RateBudgets(Rate(1.0, 3), Rate(2.0, 6), sources_max=sources_max)


def taken(of: RateBudgets, source: Source, now: float, tries: int) -> int:
    return sum(of.take(source, now) for _ in range(tries))


def test_a_host_may_do_as_much_at_once_as_its_burst_and_then_its_rate() -> None:
    of = budgets()
    assert taken(of, a_source(), 0.0, 10) == 3
    assert of.wait(a_source(), 0.0) == pytest.approx(1.0)
    assert taken(of, a_source(), 1.0, 10) == 1
    assert taken(of, a_source(), 100.0, 10) == 3


def test_a_network_has_a_budget_for_all_its_hosts() -> None:
    of = budgets()
    assert sum(taken(of, a_source(host, network=0), 0.0, 10) for host in range(10)) == 6
    assert taken(of, a_source(11, network=1), 0.0, 10) == 3


def test_a_refusal_costs_nothing() -> None:
    of = budgets()
    taken(of, a_source(), 0.0, 1_000)
    assert taken(of, a_source(), 3.0, 10) == 3
    assert taken(of, a_source(2, network=1), 3.0, 10) == 3  # nor does it cost the network anything


def test_what_costs_more_than_the_burst_is_never_allowed() -> None:
    assert budgets().wait(a_source(), 0.0, cost=4) == math.inf
    assert not budgets().take(a_source(), 0.0, cost=4)


def test_a_source_that_is_not_known_has_no_budget() -> None:
    of = budgets()
    assert all(of.take(None, 0.0) for _ in range(100))
    assert of.wait(None, 0.0) == 0
    assert len(of) == 0


def test_a_flood_of_new_sources_does_not_reset_who_is_over_budget() -> None:
    of = budgets(sources_max=50)
    greedy = a_source(0)
    taken(of, greedy, 0.0, 10)
    for host in range(1, 1_000):
        assert of.take(a_source(host), 0.0)
    assert len(of) == 50
    assert not of.take(greedy, 0.0)


def test_who_can_wait_gets_the_next_moment_that_is_free() -> None:
    of = budgets()
    assert [of.reserve(a_source(), 0.0, patience=2.5) for _ in range(6)] == [0, 0, 0, 1, 2, None]
    assert of.reserve(a_source(), 2.0, patience=2.5) == 1.0


def test_the_total_bounds_all_sources_and_those_that_are_not_known() -> None:
    of = RateBudgets(Rate(1.0, 10), Rate(1.0, 10), Rate(2.0, 8))
    assert sum(taken(of, a_source(host), 0.0, 1) for host in range(50)) == 8
    assert not of.take(None, 0.0)
    assert of.wait(None, 0.0) == 0.5
    assert of.take(None, 0.5)


def test_a_quarter_of_the_total_is_kept_for_newcomers() -> None:
    of = RateBudgets(Rate(1.0, 10), Rate(1.0, 10), Rate(1.0, 8))
    assert taken(of, a_source(0), 0.0, 100) == 6
    assert [of.take(a_source(host), 0.0) for host in (1, 2, 3)] == [True, True, False]


def test_networks_that_keep_within_their_budgets_leave_the_quarter_to_newcomers() -> None:
    """Each host of them is new, and none is over its budget."""
    of = RateBudgets(Rate(8.0, 512), Rate(32.0, 1_024), Rate(100.0, 2_000))
    newcomers = []
    for moment in range(60 * 150):
        now = moment / 150
        of.reserve(a_source(moment, network=-1 - moment % 5), now, 5.0)
        if moment % 300 == 299:
            newcomers.append(of.reserve(a_source(moment), now, 5.0) is not None)
    assert all(newcomers)


def test_who_is_of_use_stays_a_newcomer_for_longer() -> None:
    granted = []
    for worth in (1.0, 8.0):
        of = RateBudgets(Rate(8.0, 512), Rate(32.0, 1_024), Rate(100.0, 2_000))
        got = [True]
        for moment in range(600 * 150):
            now = moment / 150
            of.reserve(a_source(-1 - moment % 20, network=-1 - moment % 4), now, 5.0)
            if moment % 150 == 0:
                got.append(of.reserve(a_source(1), now, 5.0, worth=worth) is not None)
        granted.append(all(got))
    assert granted == [False, True]


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0, 2), st.integers(1, 3)), max_size=80))
def test_no_host_ever_gets_more_than_its_budget(steps: list[tuple[int, float, int]]) -> None:
    of = budgets()
    now, got = 0.0, dict.fromkeys(range(9), 0)
    for host, pause, cost in steps:
        now += pause
        got[host] += cost if of.take(a_source(host), now, cost) else 0
        assert got[host] <= 3 + now + 1e-6


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1)), max_size=100))
def test_the_table_stays_within_its_bound(steps: list[tuple[int, float]]) -> None:
    of = budgets(sources_max=7)
    now = 0.0
    for host, pause in steps:
        now += pause
        of.take(a_source(host), now)
        assert len(of) <= 7
