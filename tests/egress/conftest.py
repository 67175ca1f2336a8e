"""An egress on loopback, and sessions with it over a WebSocket alone: what is between is tested elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator

import aiohttp
import pytest

from freespan.egress.dialler import Dialler
from freespan.egress.policy import Policy
from freespan.egress.server import Egress
from freespan.link.websocket import WebSocketLink
from freespan.observe.counters import HostCounters
from freespan.tunnel.client import ClientSession
from freespan.tunnel.identity import Identity, new_identity
from freespan.tunnel.stream import TunnelStream
from freespan.wire.target import Target
from tests.serving import serving

SECONDS = 20.0
NAMES = {"site.test": ipaddress.ip_address("127.0.0.1"), "nowhere.test": ipaddress.ip_address("127.0.0.1")}


class Lab:
    """The egress and everybody around it."""

    def __init__(self, http: aiohttp.ClientSession, identity: Identity, egress: Egress, counters: HostCounters) -> None:
        self.http = http
        self.identity = identity
        self.egress = egress
        self.counters = counters

    async def knock(self) -> aiohttp.ClientWebSocketResponse:
        """A link that has said nothing yet."""
        return await self.http.ws_connect("/v1/egress", timeout=aiohttp.ClientWSTimeout(ws_close=SECONDS))

    @contextlib.asynccontextmanager
    async def session(self, pin: bytes | None = None) -> AsyncIterator[ClientSession]:
        """A session, open for the length of the block."""
        link = WebSocketLink(await self.knock())
        running = asyncio.create_task(link.run(), name="link")
        session = ClientSession(pin or self.identity.pin, link)
        try:
            await session.start()
            yield session
        finally:
            session.close("the test is over")
            link.close()
            await running

    async def still_serves(self, port: int) -> None:
        """Everybody else is unaffected."""
        async with self.session() as session:
            assert (await ask(session, port)).startswith(b"HTTP/1.1 200 OK")

    def refused(self, error: str) -> float:
        return self.counters.registry.get_sample_value("freespan_refused_streams_total", {"error": error}) or 0.0

    async def until_sessions(self, count: int) -> None:
        """Wait until the egress has this many sessions."""
        async with asyncio.timeout(SECONDS):
            while self.counters.figures().sessions != count:
                await asyncio.sleep(0.01)


async def ask(session: ClientSession, port: int, path: str = "/", host: str = "site.test") -> bytes:
    """One request over a stream of its own; returns all that comes."""
    stream = await session.connect(Target(host, port), f"GET {path} HTTP/1.0\r\n\r\n".encode())
    try:
        return await read_all(stream)
    finally:
        session.release(stream)


async def read_all(stream: TunnelStream) -> bytes:
    received = bytearray()
    async with asyncio.timeout(SECONDS):
        while data := await stream.read():
            received += data
    return bytes(received)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    counters, identity = HostCounters(), new_identity()
    dialler = Dialler(Policy(allow_private=True), NAMES)
    egress = Egress(identity, dialler, counters)
    async with asyncio.timeout(4 * SECONDS), serving(egress.routes()) as url, aiohttp.ClientSession(url) as http:
        try:
            yield Lab(http, identity, egress, counters)
        finally:
            egress.close()
            dialler.close()
