"""What the headless bridge finds out about its network, reports to its broker, and uses for its pipes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from freespan.bridge import own_network
from freespan.wire import messages
from freespan.wire.network import network_of
from tests.support.gathering import wait_for_stun
from tests.support.stun import Address, StunServer, cone, mute, need_private_addresses, stun_server, symmetric
from tests.support.whole_path import QUICK_BRIDGE, RunningBridge, running_bridge
from tests.web.fakes import SECONDS, Bridge, Client, FakeHost, soon

NO_PATIENCE = dataclasses.replace(QUICK_BRIDGE, channel_open_seconds=0.0)
"""Pipes end as soon as they are answered."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    need_private_addresses()
    wait_for_stun(monkeypatch, 0.3)


@pytest.fixture
async def stun() -> AsyncIterator[StunServer]:
    async with stun_server(cone) as server:
        yield server


@pytest.fixture
async def other_stun() -> AsyncIterator[StunServer]:
    async with stun_server(symmetric) as server:
        yield server


async def joined(host: FakeHost, *servers: StunServer) -> Bridge:
    """The volunteer, which has been welcomed with these servers."""
    host.ice_servers = [server.ice_server for server in servers]
    return await host.bridge()


async def report(bridge: Bridge) -> tuple[str | None, str | None]:
    """The next report about its network, whatever comes in between."""
    while not isinstance(message := messages.decode_to_broker(await bridge.next()), messages.NetworkReport):
        pass
    return message.ipv4, message.ipv6


async def answer(bridge: Bridge, name: str, **more: Any) -> str:
    """Its answer to an offer that leads nowhere, whatever comes in between."""
    client = Client()
    await bridge.send(type="offer", id=name, sdp=await client.offer(), **more)
    client.close()
    while not isinstance(message := messages.decode_to_broker(await bridge.next()), messages.Answer):
        pass
    assert message.id == name
    return message.sdp


async def until_asked(server: StunServer) -> None:
    async with asyncio.timeout(SECONDS):
        while not all(server.asked):
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("helper")
async def test_it_reports_what_it_has_found(host: FakeHost, stun: StunServer, other_stun: StunServer) -> None:
    bridge = await joined(host, stun, other_stun)
    assert await report(bridge) == ("cone", None)
    assert network_of(await answer(bridge, "one")).ipv4 == "cone"
    assert other_stun.asked == [0, 0]


@pytest.mark.usefixtures("helper")
async def test_it_reports_to_each_broker(host: FakeHost, stun: StunServer) -> None:
    for _ in range(2):
        bridge = await joined(host, stun)
        assert await report(bridge) == ("cone", None)
        await bridge.socket.close()


@pytest.mark.usefixtures("helper")
async def test_offers_are_served_before_it_knows(
    host: FakeHost, stun: StunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()

    async def survey(_: object) -> None:
        await never.wait()

    monkeypatch.setattr(own_network, "survey", survey)
    bridge = await joined(host, stun)
    assert network_of(await answer(bridge, "one")).ipv4 == "cone"


@pytest.mark.usefixtures("helper")
async def test_a_server_that_does_not_answer_is_left_for_the_next(
    host: FakeHost, stun: StunServer, other_stun: StunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(source: Address, which: int) -> None:
        wait_for_stun(monkeypatch, SECONDS)  # the next one may take its time

    stun.mapping = silent
    bridge = await joined(host, stun, other_stun)
    assert await report(bridge) == ("symmetric", None)
    asked = list(stun.asked)
    assert network_of(await answer(bridge, "one")).ipv4 == "symmetric"
    assert stun.asked == asked


@pytest.mark.usefixtures("helper")
async def test_without_udp_it_reports_so_and_waits_for_no_server(host: FakeHost, stun: StunServer) -> None:
    stun.mapping = mute
    bridge = await joined(host, stun)
    assert await report(bridge) == (None, None)
    asked = list(stun.asked)
    await answer(bridge, "one")
    assert stun.asked == asked


@pytest.mark.usefixtures("helper")
async def test_an_answer_without_the_outside_address_makes_it_survey_again(
    host: FakeHost, stun: StunServer, other_stun: StunServer
) -> None:
    bridge = await joined(host, stun, other_stun)
    assert await report(bridge) == ("cone", None)
    stun.mapping = mute
    assert network_of(await answer(bridge, "one")).blocks_udp
    assert await report(bridge) == ("symmetric", None)
    assert network_of(await answer(bridge, "two")).ipv4 == "symmetric"


async def test_it_surveys_from_time_to_time_and_reports_changes(host: FakeHost, stun: StunServer) -> None:
    async with running_bridge(host.url, settings=dataclasses.replace(QUICK_BRIDGE, survey_seconds=0.02)):
        bridge = await joined(host, stun)
        assert await report(bridge) == ("cone", None)
        async with asyncio.timeout(SECONDS):
            while stun.asked[0] < 4:
                await asyncio.sleep(0.005)
        assert bridge.received.empty()
        stun.mapping = symmetric
        assert await report(bridge) == ("symmetric", None)


async def test_turn_servers_of_an_offer_are_used_for_this_one_alone(
    host: FakeHost, stun: StunServer, other_stun: StunServer
) -> None:
    async with running_bridge(host.url, settings=NO_PATIENCE):
        bridge = await joined(host, stun)
        await report(bridge)
        other_stun.mapping = mute
        turn = [{"urls": [url.replace("stun", "turn")], "username": "a", "credential": "b"} for url in other_stun.urls]
        assert network_of(await answer(bridge, "one", ice_servers=turn)).ipv4 == "cone"
        await until_asked(other_stun)
        assert (await bridge.expect(messages.Load)).sessions == 0
        asked = list(other_stun.asked)
        await answer(bridge, "two")
        assert other_stun.asked == asked


@pytest.mark.parametrize("urls", [["no-such-scheme:x"], ["stun:"], ["http://127.0.0.1"], ["turn:127.0.0.1:1"]])
@pytest.mark.usefixtures("helper")
async def test_a_welcome_with_an_unusable_server_is_refused(host: FakeHost, urls: list[str]) -> None:
    host.ice_servers = [{"urls": urls}]
    for _ in range(2):
        bridge = await host.bridge()
        await soon(bridge.gone.wait())
        assert bridge.received.empty()


async def test_without_a_server_it_reports_nothing(host: FakeHost) -> None:
    async with running_bridge(host.url, settings=NO_PATIENCE):
        bridge = await joined(host)
        client = Client()
        await bridge.offer("one", await client.offer())
        assert (await bridge.expect(messages.Load)).sessions == 1
        assert (await bridge.expect(messages.Answer)).id == "one"
        client.close()
        assert (await bridge.expect(messages.Load)).sessions == 0
        await bridge.socket.close()
        await soon(bridge.gone.wait())
        assert bridge.received.empty()


async def test_leaving_in_the_middle_of_a_survey(helper: RunningBridge, host: FakeHost, stun: StunServer) -> None:
    stun.mapping = mute
    bridge = await joined(host, stun)
    await until_asked(stun)
    await helper.stop()
    await soon(bridge.gone.wait())
