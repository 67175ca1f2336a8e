"""In which order the endpoints of a host are asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freespan.client.endpoints import Endpoints

RESET_SECONDS = 600.0


def test_the_order_of_endpoints_is_the_invite_s_again_after_a_while() -> None:
    endpoints = Endpoints(["own", "one", "two", "one"], RESET_SECONDS)
    assert endpoints.in_order(5.0) == ["own", "one", "two"]
    endpoints.put_first("two", 5.0)
    assert endpoints.in_order(6.0) == ["two", "own", "one"]
    for now in (100.0, 200.0):  # whoever serves is not asked first for ever because of that
        endpoints.put_first("two", now)
    assert endpoints.in_order(RESET_SECONDS + 5.0) == ["own", "one", "two"]


def test_what_did_not_serve_comes_last() -> None:
    endpoints = Endpoints(["own", "one", "two"], RESET_SECONDS)
    endpoints.put_last("own", 0.0)
    endpoints.put_last("one", 1.0)
    assert endpoints.in_order(2.0) == ["two", "own", "one"]
    assert endpoints.own == "own"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["own", "one", "two"]), st.floats(0, 2000))))
def test_no_endpoint_is_ever_lost(moves: list[tuple[bool, str, float]]) -> None:
    endpoints = Endpoints(["own", "one", "two"], RESET_SECONDS)
    for is_first, endpoint, now in moves:
        (endpoints.put_first if is_first else endpoints.put_last)(endpoint, now)
        assert sorted(endpoints.in_order(now)) == ["one", "own", "two"]
