"""How many links are wanted: three, more while more help, never without an end."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from freespan.client.link_demand import LinkDemand
from freespan.client.settings import ClientSettings

LINKS_USUAL, LINKS_MOST = ClientSettings().links_usual, ClientSettings().links_most
BUSY = 1e6


def demand_of_a_session() -> LinkDemand:
    return LinkDemand(LINKS_USUAL, LINKS_MOST)


def after(demand: LinkDemand, seconds: int, rate_of: float, begin: int = 0) -> tuple[int, list[int]]:
    """Each link adds `rate_of`, and is there at once; returns the time, and what was wanted each second."""
    wanted = []
    for now in range(begin, begin + seconds):
        demand.on_second(rate_of * demand.wanted, demand.wanted, float(now))
        wanted.append(demand.wanted)
    return begin + seconds, wanted


def test_three_at_first_and_two_when_little_is_carried_for_long() -> None:
    demand = demand_of_a_session()
    now, wanted = after(demand, 120, 1_000.0)
    assert set(wanted) == {LINKS_USUAL}
    now, wanted = after(demand, 200, 1_000.0, now)
    assert set(wanted) == {LINKS_USUAL - 1}
    assert after(demand, 3, BUSY, now)[1][-1] == LINKS_USUAL


def test_each_that_helps_stays_until_there_are_eight() -> None:
    _, wanted = after(demand_of_a_session(), 120, BUSY)
    assert wanted == sorted(wanted)
    assert wanted[-1] == LINKS_MOST


def test_one_that_does_not_help_goes_and_the_next_trial_is_a_minute_later() -> None:
    demand = demand_of_a_session()
    wanted = []
    for now in range(200):
        demand.on_second(BUSY, demand.wanted, float(now))
        wanted.append(demand.wanted)
    assert set(wanted) == {LINKS_USUAL, LINKS_USUAL + 1}
    begins = [now for now in range(1, 200) if wanted[now] > wanted[now - 1]]
    assert all(later - sooner >= 60 for sooner, later in pairwise(begins))
    assert sum(count > LINKS_USUAL for count in wanted) <= 20


def test_one_that_is_not_to_be_had_is_not_wanted_for_long() -> None:
    demand = demand_of_a_session()
    wanted = []
    for now in range(60):
        demand.on_second(BUSY, LINKS_USUAL, float(now))
        wanted.append(demand.wanted)
    assert sum(count > LINKS_USUAL for count in wanted) <= 5


def test_calm_gives_back_what_is_more_than_usual_and_a_short_rest_does_not() -> None:
    demand = demand_of_a_session()
    now, _ = after(demand, 120, BUSY)
    now, wanted = after(demand, 20, 0.0, now)
    assert wanted[-1] == LINKS_MOST
    assert after(demand, 20, 0.0, now)[1][-1] == LINKS_USUAL


def test_a_session_without_bridges_has_one_link() -> None:
    assert set(after(LinkDemand(1, 1), 200, BUSY)[1]) == {1}


@given(
    usual=st.integers(1, 4),
    more=st.integers(0, 6),
    seconds=st.lists(st.tuples(st.floats(0, 1e9), st.integers(0, 12), st.floats(0.1, 100)), max_size=200),
)
def test_whatever_is_carried_the_bounds_hold_and_a_step_is_one_link(
    usual: int, more: int, seconds: list[tuple[float, int, float]]
) -> None:
    demand = LinkDemand(usual, usual + more)
    now = 0.0
    for rate, links, pause in seconds:
        now += pause
        before = demand.wanted
        demand.on_second(rate, links, now)
        assert min(usual, 2) <= demand.wanted <= usual + more
        assert demand.wanted - before <= max(1, usual - 2)
    for _ in range(140):
        now += 1
        demand.on_second(0.0, demand.wanted, now)
    assert demand.wanted == min(usual, 2)
