"""How long candidates are waited for: the rule by itself, and the real engine before STUN servers of all kinds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from freespan.link.datachannel import DataChannelLink
from freespan.link.gathering import Gathering
from freespan.link.settings import GatheringSettings
from freespan.wire.messages import IceServer
from freespan.wire.network import Network, network_of
from tests.support.recorder import SECONDS
from tests.support.stun import Address, Mapping, StunServer, cone, mute, need_private_addresses, stun_server, symmetric

STUN = ["stun:host.example:443", "stun:host.example:444"]
TURN = [*STUN, "TURNS:host.example:443?transport=tcp"]


LONG = GatheringSettings(stun_seconds=2 * SECONDS, turn_seconds=2 * SECONDS)
EAGER = replace(LONG, quiet_seconds=0.0)
"""The first candidate of the best kind ends it, and nothing else does."""


@asynccontextmanager
async def waiting(one: Gathering, *, patient: bool = False) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(one.enough(patient=patient), name="test-gathering")
    yield task
    async with asyncio.timeout(SECONDS):
        await task


async def a_moment() -> None:
    """Longer than silence lasts here."""
    for _ in range(10):
        await asyncio.sleep(0)


# --- the rule ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("urls", "needless", "good"), [(STUN, "host", "srflx"), (TURN, "srflx", "relay")])
async def test_the_best_that_was_asked_for_is_waited_for(urls: list[str], needless: str, good: str) -> None:
    one = Gathering(urls, EAGER)
    async with waiting(one) as task:
        one.found(needless)
        await a_moment()
        assert not task.done()
        one.found(good)


async def test_a_patient_wait_is_for_all_servers() -> None:
    one = Gathering(STUN, EAGER)
    async with waiting(one, patient=True) as task:
        one.found("srflx")
        await a_moment()
        assert not task.done()
        one.complete()


@pytest.mark.parametrize("urls", [[], STUN, TURN])
@pytest.mark.parametrize("patient", [True, False])
async def test_the_end_is_the_end(urls: list[str], patient: bool) -> None:
    one = Gathering(urls, EAGER)
    one.complete()
    async with waiting(one, patient=patient):
        pass


@pytest.mark.parametrize("patient", [True, False])
async def test_nothing_is_waited_for_longer_than_it_is_worth(patient: bool) -> None:
    async with waiting(Gathering(STUN, GatheringSettings(stun_seconds=0.01)), patient=patient):
        pass


# --- the engine ----------------------------------------------------------------------------------
async def gathered(server: StunServer, settings: GatheringSettings, *, patient: bool = False) -> str:
    link = DataChannelLink([IceServer(server.urls)], gathering=settings)
    try:
        async with asyncio.timeout(SECONDS):
            return await link.offer(patient=patient)
    finally:
        link.close()
        await asyncio.sleep(0)


@pytest.fixture
def private_addresses() -> str:
    return need_private_addresses()


def one_port(source: Address, which: int) -> Address | None:
    return cone(source, which) if which == 0 else None


@pytest.mark.parametrize("mapping", [cone, symmetric])
@pytest.mark.usefixtures("private_addresses")
async def test_a_server_that_answers_ends_it_at_once(mapping: Mapping) -> None:
    """The engine reports the end when both ports have answered."""
    async with stun_server(mapping) as server:
        assert network_of(await gathered(server, EAGER, patient=True)).ipv4 == mapping.__name__
        assert server.asked[0] == server.asked[1] > 0


@pytest.mark.usefixtures("private_addresses")
async def test_a_port_that_does_not_answer_is_not_waited_for() -> None:
    async with stun_server(one_port) as server:
        assert network_of(await gathered(server, LONG)).ipv4 == "cone"


@pytest.mark.usefixtures("private_addresses")
async def test_a_server_that_does_not_answer_is_done_without() -> None:
    async with stun_server(mute) as server:
        offer = await gathered(server, GatheringSettings(stun_seconds=0.1))
    assert network_of(offer) == Network()
    assert " typ host" in offer


async def test_closing_ends_the_wait() -> None:
    async with stun_server(mute) as server:
        link = DataChannelLink([IceServer(server.urls)], gathering=LONG)
        offering = asyncio.create_task(link.offer(), name="test-offer")
        await a_moment()
        link.close()
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(offering, return_exceptions=True)
