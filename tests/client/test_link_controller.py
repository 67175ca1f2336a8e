"""What to do next about a session's links: transcripts of what happens and of what is decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.link_controller import Close, Decision, Dial, EndSession, LinkController, LinkFigures, Wait
from freespan.client.settings import ClientSettings
from freespan.client.transports import Transport, TransportError, TransportInUse
from freespan.wire.errors import LinkError, RendezvousError

SETTINGS = ClientSettings(
    first_retry_seconds=1.0,
    longest_link_retry_seconds=4.0,
    longest_extra_link_retry_seconds=32.0,
    session_wait_seconds=20.0,
    steady_seconds=30.0,
)
NO_BRIDGE = RendezvousError("no_bridge", "no bridge is free right now", retry=True, after=3.0)
UNREACHABLE = TransportError("the bridge could not be reached")
UNUSABLE = TransportError("UDP does not get through on this network", is_unusable=True)
FINAL = RendezvousError("version", "update freespan", retry=False)


class Session:
    """A controller with a clock. Its backoff is not random: each wait is as long as it can be."""

    def __init__(
        self,
        first: TransportInUse = "webrtc",
        requested: Transport = "webrtc",
        settings: ClientSettings = SETTINGS,
    ) -> None:
        self.now = 100.0
        self.controller = LinkController(first, "a", requested, settings, lambda: 1.0, self.now)

    def decide(self) -> Decision:
        return self.controller.next_decision(self.now, is_joinable=True)

    def join(self, number: int, bridge: str) -> None:
        self.controller.dialed(number, bridge, self.now)
        self.controller.link_joined(number)

    def fill(self) -> None:
        """Two more links, after the first: as many as are usual."""
        self.join(1, "b")
        self.join(2, "c")
        assert self.decide() == Wait()

    def fail(self, error: LinkError | RendezvousError) -> None:
        self.controller.dial_failed(error, self.now)

    def close(self, number: int) -> bool:
        return self.controller.link_closed(number, self.now)


def test_links_are_dialed_one_by_one_until_there_are_three() -> None:
    session = Session()
    assert session.decide() == Dial(("a",), extra=True)
    session.controller.dialed(1, "b", session.now)
    assert session.decide() == Dial(("a", "b"), extra=True)  # the one that is joining counts
    session.controller.dialed(2, "c", session.now)
    assert session.decide() == Wait()
    assert session.controller.carrying == 1
    session.controller.link_joined(1)
    session.controller.link_joined(2)
    assert session.controller.carrying == 3


def test_nothing_is_dialed_before_links_may_join() -> None:
    session = Session()
    assert session.controller.next_decision(session.now, is_joinable=False) == Wait()


def test_a_link_that_closes_is_replaced_at_once_and_not_by_the_same_bridge_if_it_was_short_lived() -> None:
    session = Session()
    session.fill()
    assert session.close(1)  # so soon that its bridge gets a cooldown
    assert session.decide() == Dial(("a", "c"), extra=True)
    session.join(3, "d")
    session.now += 30
    assert not session.close(2)
    assert session.decide() == Dial(("a", "d"), extra=True)


def test_the_last_link_s_successor_is_no_extra_one() -> None:
    session = Session()
    session.close(0)
    assert session.decide() == Dial((), extra=False)


def test_a_suspected_link_is_replaced_and_the_slowest_is_closed_when_it_recovers() -> None:
    session = Session()
    session.fill()
    session.controller.link_suspected(1, session.now)
    assert session.controller.carrying == 2
    assert session.decide() == Dial(("a", "b", "c"), extra=True)
    session.join(3, "d")
    assert session.decide() == Wait()
    figures = {number: LinkFigures(rate, 0.1, False) for number, rate in enumerate((9.0, 8.0, 1.0, 7.0))}
    session.controller.on_second(figures, 25.0, session.now)
    assert session.controller.carrying == 4
    assert session.decide() == Close(2)
    session.controller.closed_as_decided(2, session.now)
    assert session.decide() == Wait()


def test_of_two_slow_links_the_one_with_the_longer_round_trip_is_closed() -> None:
    session = Session(settings=dataclasses.replace(SETTINGS, links_usual=2))
    session.join(1, "b")
    session.join(2, "c")
    figures = {number: LinkFigures(0.0, rtt, False) for number, rtt in enumerate((0.1, 0.3, 0.2))}
    session.controller.on_second(figures, 0.0, session.now)
    assert session.decide() == Close(1)


def test_a_link_without_figures_is_not_closed() -> None:
    session = Session(settings=dataclasses.replace(SETTINGS, links_usual=1))
    session.join(1, "b")
    assert session.decide() == Wait()


def test_extra_links_are_dialed_ever_more_rarely_and_never_sooner_than_the_broker_wants() -> None:
    session = Session()
    waits = []
    for _ in range(8):
        session.fail(NO_BRIDGE)
        decision = session.decide()
        assert isinstance(decision, Wait)
        assert decision.until is not None
        waits.append(decision.until - session.now)
        session.now = decision.until
        assert session.decide() == Dial(("a",), extra=True)
    assert waits == [3, 3, 4, 8, 16, 32, 32, 32]


def test_something_that_happens_shortens_the_wait_to_what_the_broker_wants() -> None:
    session = Session()
    session.join(1, "b")
    for _ in range(5):
        session.fail(NO_BRIDGE)
    assert session.decide() == Wait(session.now + 16)
    session.close(1)
    assert session.decide() == Wait(session.now + 3)


def test_whoever_loses_the_last_link_need_not_wait() -> None:
    session = Session()
    session.fail(NO_BRIDGE)
    assert isinstance(session.decide(), Wait)
    session.close(0)
    assert session.decide() == Dial((), extra=False)
    session.fail(NO_BRIDGE)
    assert session.decide() == Wait(session.now + 3)  # but then they wait like everybody else


def test_a_session_without_a_link_waits_for_a_bridge_for_as_long_as_its_bond() -> None:
    session = Session()
    session.close(0)
    for _ in range(100):
        session.fail(UNREACHABLE)
        decision = session.decide()
        assert isinstance(decision, Wait)
        assert decision.until is not None
        assert decision.until - session.now <= 4
        session.now = decision.until
    assert session.decide() == Dial((), extra=False)
    assert session.controller.has_led_nowhere


@pytest.mark.parametrize(
    ("first", "requested", "error"), [("webrtc", "webrtc", UNUSABLE), ("front", "websocket", UNREACHABLE)]
)
def test_where_no_bridge_could_help_it_ends_sooner(
    first: TransportInUse, requested: Transport, error: TransportError
) -> None:
    session = Session(first, requested)
    session.close(0)
    while isinstance(session.decide(), Dial):
        session.fail(error)
        if isinstance(wait := session.decide(), Wait):
            assert wait.until is not None
            session.now = wait.until
    assert session.decide() == EndSession("the host cannot be reached any more")
    assert 20 <= session.now - 100 <= 24
    assert session.controller.has_led_nowhere


def test_a_failure_while_a_link_lives_proves_nothing_against_the_transport() -> None:
    session = Session()
    session.fail(UNUSABLE)
    session.now += 1000
    assert session.decide() == Dial(("a",), extra=True)
    assert not session.controller.has_led_nowhere


def test_a_link_that_comes_after_all_clears_the_transport() -> None:
    session = Session()
    session.close(0)
    session.fail(UNREACHABLE)
    assert session.controller.has_led_nowhere
    session.join(1, "b")
    session.close(1)
    assert not session.controller.has_led_nowhere


def test_a_final_refusal_ends_the_dialing_and_the_session_with_its_last_link() -> None:
    session = Session()
    session.fail(FINAL)
    assert session.decide() == Wait()
    session.close(0)
    assert session.decide() == EndSession("update freespan")


def test_a_link_that_does_not_join_makes_the_next_one_wait() -> None:
    session = Session()
    session.controller.dialed(1, "b", session.now)
    assert session.close(1)
    assert session.decide() == Wait(session.now + 1)
    session.now += 1
    assert session.decide() == Dial(("a",), extra=True)


def test_a_session_without_bridges_has_one_link() -> None:
    session = Session("websocket", "websocket")
    assert session.decide() == Wait()
    session.close(0)
    assert session.decide() == Dial((), extra=False)


@pytest.mark.parametrize(
    ("first", "accepted"),
    [
        ("webrtc", {"webrtc"}),
        ("turn", {"webrtc", "turn"}),
        ("front", {"front"}),
        ("websocket", {"front", "websocket"}),
    ],
)
def test_no_link_may_show_the_host_more_than_the_first_one(
    first: TransportInUse, accepted: set[TransportInUse]
) -> None:
    controller = Session(first, "webrtc").controller
    transports: tuple[TransportInUse, ...] = ("webrtc", "turn", "front", "websocket")
    assert {transport for transport in transports if controller.accepts(transport)} == accepted


def test_what_the_session_wants_is_reserved_in_the_bond_and_what_it_has() -> None:
    session = Session()
    assert session.controller.reserved == 3
    for number in range(1, 5):
        session.join(number, str(number))
    assert session.controller.reserved == 5


def numbers() -> Iterator[int]:
    yield from range(1, 10_000)


@given(st.lists(st.sampled_from(["dial", "fail", "join", "suspect", "close", "second", "wait"]), max_size=100))
def test_whatever_happens_it_closes_and_suspects_only_what_there_is(steps: list[str]) -> None:
    session, fresh, links = Session(), numbers(), [0]
    for step in steps:
        decision = session.decide()
        if step == "dial" and isinstance(decision, Dial):
            links.append(next(fresh))
            session.controller.dialed(links[-1], str(links[-1]), session.now)
        elif step == "fail" and isinstance(decision, Dial):
            session.fail(NO_BRIDGE)
        elif step == "join":
            session.controller.link_joined(links[-1])
        elif step == "suspect":
            session.controller.link_suspected(links[0], session.now)
        elif step == "close" and len(links) > 1:
            session.close(links.pop(0))
        elif step == "second":
            figures = {number: LinkFigures(float(number), 0.1, False) for number in links}
            session.controller.on_second(figures, 1e6, session.now)
        session.now += 1
        if isinstance(decision := session.decide(), Close):
            assert decision.number in links
            links.remove(decision.number)
            session.controller.closed_as_decided(decision.number, session.now)
            links = links or [next(fresh)]
        assert 0 <= session.controller.carrying <= len(links)
