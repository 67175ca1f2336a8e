"""The supply of a session's links, on a clock that leaps: what it asks for, when, and what it does without."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import pytest

from freespan.client.link_controller import LinkController, LinkFigures
from freespan.client.settings import ClientSettings
from freespan.client.transports import TransportInUse
from freespan.link.bond.events import ENDED, NO_LINK, RESTARTED
from freespan.wire.errors import RendezvousError, StreamError
from freespan.wire.target import Target
from tests.client.supplied import DELAY, Supplied, World, new_egress, no_bridge, supplied, udp_blocked, unreached
from tests.support.tunnels import echo_of
from tests.support.virtual_time import run

SITE = Target("site", 1)
SETTINGS = ClientSettings()


def with_session(
    body: Callable[[Supplied], Awaitable[None]], free: int = 0, *, prepare: Callable[[World], None] = lambda _: None
) -> None:
    async def main() -> None:
        world = World(free)
        prepare(world)
        one = await supplied(world)
        try:
            await body(one)
        finally:
            await one.stop()
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    run(main())


# --- how many -------------------------------------------------------------------------------------
def test_three_links_none_by_a_bridge_that_is_in_use() -> None:
    async def body(one: Supplied) -> None:
        await one.until_links(SETTINGS.links_usual)
        assert [set(avoid) for _, _, avoid in one.world.asked] == [{"bridge 0"}, {"bridge 0", "bridge 1"}]
        assert {transport for _, transport, _ in one.world.asked} == {"webrtc"}
        await asyncio.sleep(60)
        assert one.counts == [2, 3]

    with_session(body, 20)


def test_one_that_leaves_is_replaced_at_once() -> None:
    async def body(one: Supplied) -> None:
        await one.until_links(3)
        for number in range(10):
            left_at = one.now
            one.world.leave(number)
            await one.until_links(2)
            await one.until_links(3)
            assert one.now - left_at <= 8 * DELAY
        assert one.world.short_lived == [f"bridge {number}" for number in range(10)]

    with_session(body, 20)


def test_a_link_that_lasted_is_not_short_lived() -> None:
    async def body(one: Supplied) -> None:
        await one.until_links(3)
        await asyncio.sleep(60)
        one.world.leave(0)
        await one.until_links(2)
        await one.until_links(3)
        assert not one.world.short_lived

    with_session(body, 5)


def test_much_to_carry_brings_more_and_calm_gives_them_back() -> None:
    def slow(world: World) -> None:
        world.rate = 50e3

    async def body(one: Supplied) -> None:
        stream = await one.tunnel.connect(SITE)

        async def write() -> None:
            while True:
                await stream.write(bytes(100_000))

        async def read() -> None:
            while True:
                await stream.read()

        busy = [asyncio.create_task(write()), asyncio.create_task(read())]
        await one.until_links(SETTINGS.links_most)
        for task in busy:
            task.cancel()
        one.tunnel.release(stream)
        await one.until_links(SETTINGS.links_usual)
        assert await echo_of(await one.tunnel.connect(SITE), b"hello") == b"hello"

    with_session(body, 100, prepare=slow)


def test_a_link_that_closes_takes_nothing_from_what_the_session_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    on_second = LinkController.on_second

    def noted(controller: LinkController, figures: Mapping[int, LinkFigures], rate: float, now: float) -> None:
        rates.append(rate)
        on_second(controller, figures, rate, now)

    monkeypatch.setattr(LinkController, "on_second", noted)

    def slow(world: World) -> None:
        world.rate = 50e3

    async def body(one: Supplied) -> None:
        await one.until_links(3)
        stream = await one.tunnel.connect(SITE)

        async def write() -> None:
            while True:
                await stream.write(bytes(100_000))

        async def read() -> None:
            while True:
                await stream.read()

        busy = [asyncio.create_task(write()), asyncio.create_task(read())]
        await asyncio.sleep(30)
        rates.clear()
        one.world.leave(min(link.number for link in one.manager.bond.stats().links))
        await asyncio.sleep(5)
        assert min(rates) > 50e3
        for task in busy:
            task.cancel()

    with_session(body, 20, prepare=slow)


def test_a_silent_one_is_replaced_before_it_has_ended_and_given_back_when_it_recovers() -> None:
    async def body(one: Supplied) -> None:
        await one.until_links(3)
        ours, theirs = one.world.bridges["bridge 1"]
        peers, ours._peer, theirs._peer = (ours._peer, theirs._peer), None, None
        await one.until_links(2)
        assert len(one.manager.bond.stats().links) == 3
        assert one.counts.count(3) == 1
        await one.until_links(3)
        assert one.world.asked[-1][2] == ("bridge 0", "bridge 1", "bridge 2")
        ours._peer, theirs._peer = peers
        for end in (ours, theirs):
            end._pump_soon()
        await one.until(lambda: len(one.manager.bond.stats().links) == 3)
        assert one.counts[-1] == 3

    with_session(body, 20)


# --- none to be had -------------------------------------------------------------------------------
def test_no_bridge_is_asked_for_again_ever_more_rarely_while_others_carry_the_session() -> None:
    async def body(one: Supplied) -> None:
        began = one.now
        await asyncio.sleep(1_200)
        waits = [
            later - sooner for sooner, later in zip(one.asked_since(began), one.asked_since(began)[1:], strict=False)
        ]
        assert min(waits) >= 3.0
        assert max(waits) <= SETTINGS.longest_extra_link_retry_seconds + 1
        assert waits[-1] > 50
        assert len(waits) < 30
        assert one.counts == []
        assert not one.manager.has_led_nowhere
        assert not one.tunnel.is_over

    with_session(body)


def test_who_loses_the_last_link_asks_at_once_whatever_the_broker_has_said_before() -> None:
    async def body(one: Supplied) -> None:
        await one.until(lambda: len(one.world.asked) == 4)
        await asyncio.sleep(0.5)
        one.world.free = 1
        one.world.leave(0)
        await one.until_links(1, 1.0)
        assert one.counts == [0, 1]

    with_session(body)


def test_what_else_happens_is_no_reason_to_ask_sooner_than_the_broker_wants() -> None:
    def far(world: World) -> None:
        world.refusal = lambda: no_bridge(7.0)

    async def body(one: Supplied) -> None:
        await one.until_links(2)
        await one.until(lambda: len(one.world.asked) == 2)
        began = one.now
        await asyncio.sleep(0.5)
        one.world.leave(0)
        await one.until_links(1)
        await one.until(lambda: len(one.world.asked) == 3)
        assert 6.9 <= one.now - began <= 7.2

    with_session(body, 1, prepare=far)


def test_a_session_waits_for_a_bridge_and_goes_on_where_it_was() -> None:
    async def body(one: Supplied) -> None:
        stream = await one.tunnel.connect(SITE)
        assert await echo_of(stream, b"before") == b"before"
        one.world.leave(0)
        await one.until_links(0)
        await asyncio.sleep(200)
        one.world.free = 1
        assert await echo_of(stream, b"after") == b"after"
        assert one.counts == [0, 1]

    with_session(body)


def test_a_session_that_came_by_bridges_waits_for_bridges_alone() -> None:
    """And when none came for so long, the client may go on by the next transport."""

    async def body(one: Supplied) -> None:
        one.world.refusal = unreached
        one.world.leave(0)
        began = one.now
        assert await one.tunnel.wait_ended() == NO_LINK
        assert SETTINGS.bond.wait_seconds <= one.now - began <= SETTINGS.bond.wait_seconds + 1
        assert {transport for _, transport, _ in one.world.asked} == {"webrtc"}
        await one.manager.stop()
        assert one.manager.has_led_nowhere

    with_session(body)


def test_a_transport_that_led_somewhere_in_the_end_has_not_led_nowhere() -> None:
    async def body(one: Supplied) -> None:
        one.world.refusal = unreached
        one.world.leave(0)
        await asyncio.sleep(100)
        one.world.free = 1
        await one.until_links(1)
        one.tunnel.close("enough")
        await one.manager.stop()
        assert not one.manager.has_led_nowhere

    with_session(body)


def test_where_no_bridge_could_help_a_session_does_not_wait_for_one() -> None:
    """UDP is blocked from now on: the reader is better served by the next transport."""

    async def body(one: Supplied) -> None:
        one.world.refusal = udp_blocked
        one.world.leave(0)
        began = one.now
        await one.tunnel.wait_ended()
        assert SETTINGS.session_wait_seconds <= one.now - began <= 3 * SETTINGS.session_wait_seconds
        await one.manager.stop()
        assert one.manager.has_led_nowhere

    with_session(body)


def test_further_bridges_are_asked_for_as_extra_and_the_last_one_is_not() -> None:
    async def body(one: Supplied) -> None:
        one.world.free = 2
        await one.until_links(3)
        one.world.free = 1
        for number in range(3):
            one.world.leave(number)
        await one.until_links(1)
        assert one.world.extras[:2] == [True, True]
        assert not one.world.extras[-1]

    with_session(body)


def test_to_have_no_bridge_for_long_is_no_failure_of_the_transport() -> None:
    async def body(one: Supplied) -> None:
        one.world.leave(0)
        assert await one.tunnel.wait_ended() == NO_LINK
        await one.manager.stop()
        assert not one.manager.has_led_nowhere

    with_session(body)


def test_what_fails_while_a_link_lives_is_no_failure_of_the_transport() -> None:
    async def body(one: Supplied) -> None:
        one.world.refusal = udp_blocked
        await asyncio.sleep(200)
        assert len(one.world.asked) > 3
        assert not one.manager.has_led_nowhere

    with_session(body)


@pytest.mark.parametrize(
    ("began_by", "came_by", "is_taken"),
    [
        ("webrtc", "turn", False),
        ("turn", "webrtc", True),
        ("front", "websocket", False),
        ("websocket", "front", True),
    ],
)
def test_no_link_shows_the_host_more_than_the_first_did(
    began_by: TransportInUse, came_by: TransportInUse, is_taken: bool
) -> None:
    async def main() -> None:
        world = World(1)
        world.transport = began_by
        one = await supplied(world, transport="webrtc" if began_by in ("webrtc", "turn") else "websocket")
        world.transport = came_by
        world.leave(0)
        await one.until_links(0)
        await one.until(lambda: world.free == 0)
        await asyncio.sleep(1)
        assert one.counts == ([0, 1] if is_taken else [0])
        assert world.failures == ([] if is_taken else ["bridge 1"])
        await one.stop()

    run(main())


def test_a_session_without_bridges_has_one_link_and_gets_it_back() -> None:
    async def main() -> None:
        world = World(3)
        one = await supplied(world, transport="websocket")
        await asyncio.sleep(10)
        assert not world.asked
        stream = await one.tunnel.connect(SITE)
        world.leave(0)
        assert await echo_of(stream, b"again") == b"again"
        assert [transport for _, transport, _ in world.asked] == ["websocket"]
        await one.stop()

    run(main())


def test_a_session_without_bridges_does_not_wait_for_them() -> None:
    async def main() -> None:
        world = World()
        world.refusal = udp_blocked
        one = await supplied(world, transport="websocket")
        world.leave(0)
        began = one.now
        assert await one.tunnel.wait_ended() == "the host cannot be reached any more"
        assert SETTINGS.session_wait_seconds <= one.now - began <= 3 * SETTINGS.session_wait_seconds
        await one.stop()
        assert one.manager.has_led_nowhere

    run(main())


# --- ends -----------------------------------------------------------------------------------------
def test_a_final_refusal_of_the_host_ends_the_dialing_and_the_session_with_its_last_link() -> None:
    def final(world: World) -> None:
        world.refusal = lambda: RendezvousError("version", "update freespan", retry=False)

    async def body(one: Supplied) -> None:
        await asyncio.sleep(500)
        assert len(one.world.asked) == 1
        assert await echo_of(await one.tunnel.connect(SITE), b"still") == b"still"
        one.world.leave(0)
        assert await one.tunnel.wait_ended() == "update freespan"

    with_session(body, prepare=final)


def test_a_bug_is_logged_and_ends_the_session(caplog: pytest.LogCaptureFixture) -> None:
    def broken(world: World) -> None:
        world.refusal = lambda: ZeroDivisionError("secret.example")

    async def body(one: Supplied) -> None:
        assert await one.tunnel.wait_ended() == "an internal error"

    with_session(body, prepare=broken)
    sent = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(sent) == 1
    assert sent[0].startswith("supplying the session with links failed: ZeroDivisionError in ")
    assert "secret" not in sent[0]


def test_links_that_never_join_are_not_fetched_in_a_hurry() -> None:
    async def body(one: Supplied) -> None:
        one.world.takes = False
        await asyncio.sleep(100)
        assert len(one.world.asked) <= 20
        assert one.counts == []

    with_session(body, 10_000)


def test_a_link_that_comes_when_the_session_is_over_is_closed() -> None:
    async def body(one: Supplied) -> None:
        one.world.opens_late = 5.0
        await one.until(lambda: len(one.world.asked) == 1)
        one.tunnel.close("enough")
        await asyncio.sleep(20)
        assert one.world.bridges["bridge 1"][0]._deliveries.is_closed
        assert len(one.world.asked) == 1

    with_session(body, 5)


@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "ended there"])
def test_a_session_that_the_egress_has_no_more(restarted: bool) -> None:
    async def body(one: Supplied) -> None:
        await one.until(lambda: len(one.world.asked) == 1)
        stream = await one.tunnel.connect(SITE)
        before = one.world.sessions
        one.world.leave(0)
        await one.until_links(0)
        await before.stop()
        if restarted:
            one.world.sessions = new_egress()
        one.world.free = 1
        assert await one.tunnel.wait_ended() == (RESTARTED if restarted else ENDED)
        with pytest.raises(StreamError):
            await stream.read()
        assert not one.world.short_lived[1:]  # the bridge that brought the news is not to blame

    with_session(body)
