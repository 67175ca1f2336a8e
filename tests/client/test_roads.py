"""The order of roads, and what moves a client on to the next one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.avoided import Avoided
from freespan.client.roads import Choice, Roads
from freespan.wire.limits import AVOIDED_MAX, AVOIDED_SECONDS, BEGIN_ANEW_SECONDS


def test_one_bridge_that_fails_moves_nobody_on() -> None:
    roads = Roads()
    roads.failed(0.0)
    assert roads.choose(0.0) == "webrtc"
    roads.failed(0.0)
    assert roads.choose(0.0) == "relay"
    roads.failed(0.0)
    assert roads.choose(0.0) == "websocket"
    roads.failed(0.0)
    assert roads.choose(0.0) == "webrtc"


def test_a_session_makes_the_failures_before_it_forgotten() -> None:
    roads = Roads()
    roads.failed(0.0)
    roads.worked()
    roads.failed(0.0)
    assert roads.choose(0.0) == "webrtc"


def test_a_road_that_is_closed_is_left_at_once_and_one_that_works_is_kept() -> None:
    roads = Roads()
    roads.failed(0.0, closed=True)
    roads.failed(0.0, closed=True)
    assert roads.choose(1.0) == "websocket"
    roads.worked()
    assert roads.choose(BEGIN_ANEW_SECONDS - 1) == "websocket"
    assert roads.choose(BEGIN_ANEW_SECONDS) == "webrtc"


@pytest.mark.parametrize("choice", ["webrtc", "relay", "websocket"])
@given(st.lists(st.booleans(), max_size=20))
def test_whoever_has_chosen_a_road_is_kept_on_it(choice: Choice, closed: list[bool]) -> None:
    roads = Roads(choice)
    for now, each in enumerate(closed):
        roads.failed(float(now), closed=each)
        assert roads.choose(now * BEGIN_ANEW_SECONDS) == choice


def test_bridges_are_avoided_for_a_while() -> None:
    avoided = Avoided()
    avoided.add("one", 0.0)
    avoided.add("two", 10.0)
    avoided.add("", 10.0)
    assert avoided.names(10.0) == ["one", "two"]
    assert avoided.names(AVOIDED_SECONDS) == ["two"]
    assert avoided.names(AVOIDED_SECONDS + 10.0) == []


@given(st.lists(st.sampled_from([f"bridge{i}" for i in range(3 * AVOIDED_MAX)])))
def test_no_more_are_avoided_than_a_request_can_name_and_the_latest_are_among_them(names: list[str]) -> None:
    avoided = Avoided()
    for name in names:
        avoided.add(name, 0.0)
    kept = avoided.names(0.0)
    assert len(kept) <= AVOIDED_MAX
    latest = list(dict.fromkeys(reversed(names)))[:AVOIDED_MAX]
    assert sorted(kept) == sorted(latest)
