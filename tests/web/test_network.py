"""What the bridge page finds out about its network, reports to its broker, and uses for its pipes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from freespan.browsers import Page
from freespan.wire import messages
from freespan.wire.network import network_of
from tests.support.stun import Address, Mapping, StunServer, cone, mute, need_private_addresses, stun_server, symmetric
from tests.web.fakes import SECONDS, Bridge, Client, FakeHost, connect, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def address() -> str:
    """Firefox asks no server on loopback."""
    return need_private_addresses()


@pytest_asyncio.fixture(loop_scope="session")
async def stun(address: str) -> AsyncIterator[StunServer]:
    async with stun_server(cone, address) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def other_stun(address: str) -> AsyncIterator[StunServer]:
    async with stun_server(symmetric, address) as server:
        yield server


async def report(bridge: Bridge) -> tuple[str | None, str | None]:
    message = await bridge.expect(messages.NetworkReport)
    return message.ipv4, message.ipv6


async def answer(bridge: Bridge, name: str, **more: Any) -> str:
    """Its answer to an offer that leads nowhere, whatever it says in between."""
    client = Client()
    sdp = await client.offer()
    client.close()  # before the bridge can reach it: browsers gather no more once they have found a road
    await bridge.send(type="offer", id=name, sdp=sdp, **more)
    while not isinstance(message := messages.decode_to_broker(await bridge.next()), messages.Answer):
        assert isinstance(message, messages.Load)
    return message.sdp


# --- the survey ----------------------------------------------------------------------------------
async def survey(page: Page, host: FakeHost, server: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(f"""await (async () => {{
        const {{ survey }} = await import("{host.url}/bridge/gathering.js");
        const {{ Clock }} = await import("{host.url}/bridge/clock.js");
        return survey({json.dumps(server)}, new Clock());
    }})()""")
    return found


@pytest.mark.parametrize("mapping", [cone, symmetric])
async def test_a_survey_finds_the_mapping(page: Page, host: FakeHost, stun: StunServer, mapping: Mapping) -> None:
    stun.mapping = mapping
    assert await survey(page, host, stun.ice_server) == {"ipv4": mapping.__name__}
    assert all(stun.asked)


async def test_a_survey_without_an_answer_finds_nothing(page: Page, host: FakeHost, stun: StunServer) -> None:
    stun.mapping = mute
    assert await survey(page, host, stun.ice_server) == {}
    assert all(stun.asked)
    assert await survey(page, host, {"urls": ["https://host.example"]}) == {}


# --- the bridge ----------------------------------------------------------------------------------
async def test_it_reports_its_network_and_serves(
    page: Page, host: FakeHost, stun: StunServer, other_stun: StunServer
) -> None:
    host.ice_servers = [stun.ice_server, other_stun.ice_server]
    bridge = await turn_on(page, host)
    assert await report(bridge) == ("cone", None)
    session = await connect(host, bridge)
    session.client.channel.send(b"hello")
    assert await session.link.next() == b"hello"
    session.client.close()
    assert other_stun.asked == [0, 0]


async def test_a_silent_server_is_replaced_by_the_next(
    page: Page, host: FakeHost, stun: StunServer, other_stun: StunServer
) -> None:
    stun.mapping = mute
    host.ice_servers = [stun.ice_server, other_stun.ice_server]
    bridge = await turn_on(page, host)
    assert await report(bridge) == ("symmetric", None)
    asked = list(stun.asked)
    assert network_of(await answer(bridge, "one")).ipv4 == "symmetric"
    assert stun.asked == asked


async def test_an_answer_without_an_outside_address_makes_it_survey_again(
    page: Page, host: FakeHost, stun: StunServer, other_stun: StunServer
) -> None:
    host.ice_servers = [stun.ice_server, other_stun.ice_server]
    bridge = await turn_on(page, host)
    assert await report(bridge) == ("cone", None)
    stun.mapping = mute
    assert network_of(await answer(bridge, "one")).blocks_udp
    assert await report(bridge) == ("symmetric", None)


async def test_one_port_that_answers_is_enough_for_an_answer(page: Page, host: FakeHost, stun: StunServer) -> None:
    def one_port(source: Address, which: int) -> Address | None:
        return cone(source, which) if which == 0 else None

    host.ice_servers = [stun.ice_server]
    bridge = await turn_on(page, host)
    assert await report(bridge) == ("cone", None)
    stun.mapping = one_port
    assert network_of(await answer(bridge, "one")).ipv4 == "cone"


async def test_turn_servers_of_an_offer_are_used_as_well(
    page: Page, host: FakeHost, stun: StunServer, other_stun: StunServer
) -> None:
    host.ice_servers = [stun.ice_server]
    bridge = await turn_on(page, host)
    await report(bridge)
    other_stun.mapping = mute
    relays = [{"urls": [url.replace("stun", "turn")], "username": "a", "credential": "b"} for url in other_stun.urls]
    assert network_of(await answer(bridge, "one", ice_servers=relays)).ipv4 == "cone"
    async with asyncio.timeout(SECONDS):
        while not all(other_stun.asked):
            await asyncio.sleep(0.005)
