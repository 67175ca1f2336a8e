"""Forty fake bridges at one address beside two real ones, with the real host and real clients."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import aiohttp

from freespan.client.settings import ClientSettings
from freespan.wire.limits import LANES_MAX
from tests.support.sdp import ANSWER
from tests.support.site import SMALL, Site
from tests.support.whole_path import QUICK, SECONDS, Host, running_bridge, running_client

FAKES = 40
DEFAULT = ClientSettings()
SETTINGS = dataclasses.replace(QUICK, bridge_open_seconds=0.3, bridge_networks_min=DEFAULT.bridge_networks_min)
"""A client with little patience, and the rules of every client."""


async def fake_bridge(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Answers every offer, and leads nowhere."""
    await socket.send_json({"type": "hello", "version": 1, "capacity": 64})
    await socket.send_json({"type": "network", "ipv4": "open"})
    async for message in socket:
        offer = message.json()
        if offer["type"] == "offer":
            await socket.send_json({"type": "answer", "id": offer["id"], "sdp": ANSWER})


@contextlib.asynccontextmanager
async def fake_bridges(url: str) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(local_addr=("127.66.66.66", 0), limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as group:
        tasks = []
        for _ in range(FAKES):
            socket = await http.ws_connect(f"{url}/v1/bridge")
            tasks.append(group.create_task(fake_bridge(socket), name="fake-bridge"))
        yield
        for task in tasks:
            task.cancel()


async def test_readers_find_the_real_bridges_and_nobody_is_driven_to_the_host(host: Host, site: Site) -> None:
    async with asyncio.timeout(SECONDS), contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(fake_bridges(host.url))
        for _ in range(2):
            await stack.enter_async_context(running_bridge(host.url))
        await host.until(bridges=FAKES + 2)
        readers = [await stack.enter_async_context(running_client(host.invite, settings=SETTINGS)) for _ in range(4)]
        for reader in readers:
            assert (await reader.statuses.until("open")).transport == "webrtc"
            assert (await reader.ask(site.port)).endswith(SMALL)
        assert all(status.transport in ("", "webrtc") for reader in readers for status in reader.statuses.all)


async def test_a_session_through_a_bridge_proves_it_and_nothing_else_does(host: Host) -> None:
    bridges = host.broker.bridges
    proofs = bridges._proofs
    async with running_bridge(host.url), running_client(host.invite, "websocket", settings=SETTINGS) as direct:
        await host.until(bridges=1)
        (name,) = host.broker.matching._bridges
        await direct.statuses.until("open")
        assert not proofs.is_proved(name)
        async with running_client(host.invite, settings=SETTINGS) as reader:
            await reader.statuses.until("open", transport="webrtc")
            await host.until(sessions=2)
        assert proofs.is_proved(name)
        assert host.broker.matching._bridges[name].is_proved
        (token,) = proofs._by_token
        assert bridges.places(token) == LANES_MAX + 1
        assert bridges.places(name) is None, "what a reader is told names no bridge at the egress"
