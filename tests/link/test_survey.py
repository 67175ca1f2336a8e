"""An end finds out about its network by asking one STUN server after the other."""

from __future__ import annotations

import asyncio

import pytest

from freespan.link import survey as survey_module
from freespan.link.settings import GatheringSettings
from freespan.link.survey import survey
from freespan.wire.messages import IceServer
from freespan.wire.network import Network
from tests.support.gathering import wait_for_stun
from tests.support.recorder import SECONDS
from tests.support.stun import Address, Mapping, cone, mute, need_private_addresses, stun_server, symmetric


async def surveyed(
    *servers: IceServer, gathering: GatheringSettings | None = None
) -> tuple[Network | None, IceServer | None]:
    async with asyncio.timeout(SECONDS):
        result = await survey(servers, gathering)
    await asyncio.sleep(0)
    return result


@pytest.mark.parametrize("mapping", [cone, symmetric])
async def test_what_a_server_shows(mapping: Mapping) -> None:
    need_private_addresses()
    async with stun_server(mapping) as server:
        asked = IceServer(server.urls)
        assert await surveyed(asked) == (Network(mapping.__name__), asked)  # type: ignore[arg-type]


async def test_one_that_is_silent_makes_place_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    need_private_addresses()
    wait_for_stun(monkeypatch, 0.2)

    def silent(source: Address, which: int) -> None:
        wait_for_stun(monkeypatch, SECONDS)  # the next one may take its time

    async with stun_server(silent) as first, stun_server(symmetric) as second:
        answers = IceServer(second.urls)
        assert await surveyed(IceServer(first.urls), answers) == (Network("symmetric"), answers)


async def test_nothing_came_back_from_any() -> None:
    need_private_addresses()
    async with stun_server(mute) as server:
        short = GatheringSettings(stun_seconds=0.1)
        assert await surveyed(IceServer(server.urls), IceServer(server.urls), gathering=short) == (Network(), None)


async def test_what_is_no_address_never_answers() -> None:
    assert await surveyed(IceServer(["stun:"]), IceServer(["https://host.example"])) == (Network(), None)


async def test_without_a_server_nothing_is_found() -> None:
    assert await surveyed() == (None, None)


@pytest.mark.parametrize(
    ("network", "needed"),
    [(Network("open"), False), (Network("open", "open"), False), (Network("open", "cone"), True)],
)
async def test_an_end_with_a_public_address_needs_no_server(
    monkeypatch: pytest.MonkeyPatch, network: Network, needed: bool
) -> None:
    monkeypatch.setattr(survey_module, "network_of", lambda _: network)
    async with stun_server() as server:
        asked = IceServer(server.urls)
        assert await surveyed(asked) == (network, asked if needed else None)
