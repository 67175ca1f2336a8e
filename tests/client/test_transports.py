"""The order of transports, and what moves a client on to the next one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.transports import TransportChoice, TransportSelector

RESET_SECONDS = 600.0


def selector(choice: TransportChoice = "auto", *, may_expose: bool = True) -> TransportSelector:
    return TransportSelector(choice, bridge_tries=2, reset_seconds=RESET_SECONDS, may_expose=lambda now: may_expose)


def test_one_bridge_that_fails_moves_nobody_on() -> None:
    transports = selector()
    transports.failed(0.0)
    assert transports.choose(0.0) == "webrtc"
    transports.failed(0.0)
    assert transports.choose(0.0) == "turn"
    transports.failed(0.0)
    assert transports.choose(0.0) == "websocket"
    transports.failed(0.0)
    assert transports.choose(0.0) == "webrtc"


def test_a_session_makes_the_failures_before_it_forgotten() -> None:
    transports = selector()
    transports.failed(0.0)
    transports.succeeded()
    transports.failed(0.0)
    assert transports.choose(0.0) == "webrtc"


def test_a_transport_that_is_unusable_is_left_at_once_and_one_that_works_is_kept() -> None:
    transports = selector()
    transports.failed(0.0, is_unusable=True)
    transports.failed(0.0, is_unusable=True)
    assert transports.choose(1.0) == "websocket"
    transports.succeeded()
    assert transports.choose(RESET_SECONDS - 1) == "websocket"
    assert transports.choose(RESET_SECONDS) == "webrtc"


@pytest.mark.parametrize("choice", ["webrtc", "turn", "websocket"])
@given(st.lists(st.booleans(), max_size=20))
def test_whoever_has_chosen_a_transport_is_kept_on_it(choice: TransportChoice, failures: list[bool]) -> None:
    transports = selector(choice)
    for now, each in enumerate(failures):
        transports.failed(float(now), is_unusable=each)
        assert transports.choose(now * RESET_SECONDS) == choice


def test_a_transport_is_left_once_and_no_further() -> None:
    transports = selector()
    transports.leave("webrtc", 0.0)
    assert transports.choose(0.0) == "turn"
    transports.leave("webrtc", 1.0)
    assert transports.choose(1.0) == "turn"


def test_without_evidence_nothing_leaves_bridges() -> None:
    transports = selector(may_expose=False)
    for now in range(10):
        transports.failed(float(now), is_unusable=bool(now % 2))
        transports.leave("webrtc", float(now))
        assert transports.choose(float(now)) == "webrtc"
        assert transports.is_kept(float(now))


def test_the_failures_before_the_evidence_count() -> None:
    evidence: list[float] = []
    transports = TransportSelector(
        "auto", bridge_tries=2, reset_seconds=RESET_SECONDS, may_expose=lambda now: bool(evidence)
    )
    transports.failed(0.0)
    transports.failed(1.0)
    assert transports.choose(1.0) == "webrtc"
    evidence.append(2.0)
    transports.failed(2.0)
    assert transports.choose(2.0) == "turn"
    evidence.clear()
    transports.failed(3.0)  # the host has been shown the address already
    assert transports.choose(3.0) == "websocket"


@pytest.mark.parametrize("choice", ["webrtc", "turn", "websocket"])
def test_a_choice_is_nothing_that_a_yes_would_change(choice: TransportChoice) -> None:
    assert not selector(choice, may_expose=False).is_kept(0.0)
