"""The order of transports, and what moves a client on to the next one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.cooldown import Cooldown
from freespan.client.transports import TransportChoice, TransportSelector
from freespan.wire.limits import AVOID_MAX, BEGIN_ANEW_SECONDS, COOLDOWN_SECONDS


def test_one_bridge_that_fails_moves_nobody_on() -> None:
    transports = TransportSelector()
    transports.failed(0.0)
    assert transports.choose(0.0) == "webrtc"
    transports.failed(0.0)
    assert transports.choose(0.0) == "turn"
    transports.failed(0.0)
    assert transports.choose(0.0) == "websocket"
    transports.failed(0.0)
    assert transports.choose(0.0) == "webrtc"


def test_a_session_makes_the_failures_before_it_forgotten() -> None:
    transports = TransportSelector()
    transports.failed(0.0)
    transports.worked()
    transports.failed(0.0)
    assert transports.choose(0.0) == "webrtc"


def test_a_road_that_is_closed_is_left_at_once_and_one_that_works_is_kept() -> None:
    transports = TransportSelector()
    transports.failed(0.0, closed=True)
    transports.failed(0.0, closed=True)
    assert transports.choose(1.0) == "websocket"
    transports.worked()
    assert transports.choose(BEGIN_ANEW_SECONDS - 1) == "websocket"
    assert transports.choose(BEGIN_ANEW_SECONDS) == "webrtc"


@pytest.mark.parametrize("choice", ["webrtc", "turn", "websocket"])
@given(st.lists(st.booleans(), max_size=20))
def test_whoever_has_chosen_a_road_is_kept_on_it(choice: TransportChoice, closed: list[bool]) -> None:
    transports = TransportSelector(choice)
    for now, each in enumerate(closed):
        transports.failed(float(now), closed=each)
        assert transports.choose(now * BEGIN_ANEW_SECONDS) == choice


def test_bridges_are_avoided_for_a_while() -> None:
    avoided = Cooldown()
    avoided.add("one", 0.0)
    avoided.add("two", 10.0)
    avoided.add("", 10.0)
    assert avoided.names(10.0) == ["one", "two"]
    assert avoided.names(COOLDOWN_SECONDS) == ["two"]
    assert avoided.names(COOLDOWN_SECONDS + 10.0) == []


@given(st.lists(st.sampled_from([f"bridge{i}" for i in range(3 * AVOID_MAX)])))
def test_no_more_are_avoided_than_a_request_can_name_and_the_latest_are_among_them(names: list[str]) -> None:
    avoided = Cooldown()
    for name in names:
        avoided.add(name, 0.0)
    kept = avoided.names(0.0)
    assert len(kept) <= AVOID_MAX
    latest = list(dict.fromkeys(reversed(names)))[:AVOID_MAX]
    assert sorted(kept) == sorted(latest)
