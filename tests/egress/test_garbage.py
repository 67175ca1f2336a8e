"""Nothing of a session that has ended waits for the garbage collector, however it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from freespan.egress.session import EgressSession
from freespan.egress.sessions import Sessions
from freespan.egress.settings import EgressSettings
from freespan.link.base import LinkOwner
from freespan.link.bond.bond import Bond
from freespan.link.bond.settings import BondSettings
from freespan.link.memory import MemoryLink, memory_pair
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.identity import new_identity
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError, TunnelError
from freespan.wire.target import Target
from tests.support.garbage import collecting_nothing
from tests.support.whole_path import SECONDS, ask, direct_session, running_host

IDENTITY = new_identity()
SETTINGS = EgressSettings(bond=BondSettings(linger_seconds=0.05), tunnel=TunnelSettings(handshake_seconds=0.5))


async def echo(session: EgressSession, stream: TunnelStream) -> None:
    session.tunnel.accept(stream)
    while data := await stream.read():
        await stream.write(data)
    stream.write_eof()


class Egress:
    """The sessions of an egress, reached over links in memory."""

    def __init__(self) -> None:
        self.sessions = Sessions(IDENTITY, echo, lambda _: None, SETTINGS)
        self._taking: set[asyncio.Task[None]] = set()

    def link(self) -> MemoryLink:
        near, far = memory_pair()
        task = asyncio.create_task(self.sessions.take(far), name="test-take")
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)
        return near

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ClientTunnel]:
        bond = Bond.begin_session(self.link(), settings=SETTINGS.bond)
        tunnel = ClientTunnel(IDENTITY.pin, bond)
        await tunnel.start()
        try:
            yield tunnel
        finally:
            tunnel.close()
            await bond.wait_closed()

    async def until_empty(self) -> None:
        async with asyncio.timeout(SECONDS):
            while self._taking or self.sessions._tasks:
                await asyncio.sleep(0.01)
            await asyncio.sleep(3 * SETTINGS.bond.linger_seconds)


class Owner:
    """The owner of a link on which somebody else than a client writes."""

    def on_message(self, message: bytes) -> None: ...

    def on_writable(self) -> None: ...

    def on_closed(self, reason: str) -> None: ...


async def read(egress: Egress) -> None:
    async with egress.client() as client:
        stream = await client.connect(Target("site.test", 1), b"hello")
        assert await stream.read() == b"hello"
        client.release(stream)


async def with_open_streams(egress: Egress) -> None:
    async with egress.client() as client:
        for _ in range(3):
            stream = await client.connect(Target("site.test", 1), bytes(10_000))
            await stream.read()


async def cut_while_reading(egress: Egress) -> None:
    async with egress.client() as client:
        stream = await client.connect(Target("site.test", 1))
        egress.sessions.close()
        with pytest.raises(StreamError):
            await stream.read()


async def without_a_handshake(egress: Egress) -> None:
    bond = Bond.begin_session(egress.link(), settings=SETTINGS.bond)
    ClientTunnel(IDENTITY.pin, bond).begin()
    await asyncio.sleep(0)
    bond.close()
    await bond.wait_closed()


async def with_another_key(egress: Egress) -> None:
    bond = Bond.begin_session(egress.link(), settings=SETTINGS.bond)
    with pytest.raises(TunnelError):
        await ClientTunnel(bytes(32), bond).start()
    await bond.wait_closed()


async def with_a_first_message_that_is_none(egress: Egress) -> None:
    link = egress.link()
    owner: LinkOwner = Owner()
    link.start(owner)
    link.send(bytes(50))
    await asyncio.sleep(0.05)


async def closed_without_a_word(egress: Egress) -> None:
    link = egress.link()
    link.start(Owner())
    await asyncio.sleep(0.01)
    link.close()


@pytest.mark.parametrize(
    "visit",
    [
        read,
        with_open_streams,
        cut_while_reading,
        without_a_handshake,
        with_another_key,
        with_a_first_message_that_is_none,
        closed_without_a_word,
    ],
)
async def test_nothing_of_a_session_that_has_ended_waits_for_the_collector(
    visit: Callable[[Egress], Awaitable[None]],
) -> None:
    egress = Egress()
    await visit(egress)
    await egress.until_empty()
    with collecting_nothing() as found:
        await visit(egress)
        await egress.until_empty()
    assert not [one for one in found if one.startswith(("freespan.", "aioquic."))]


async def test_nothing_of_a_link_that_has_ended_waits_for_the_collector() -> None:
    """asyncio's own transports are freed by the server of a host; this one is a plain one."""
    site = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with site, running_host(egress=SETTINGS) as host:

        async def visit() -> None:
            async with direct_session(host) as session:
                await ask(session, site.sockets[0].getsockname()[1])
            async with aiohttp.ClientSession() as http, http.ws_connect(f"{host.url}/v1/egress") as socket:
                await socket.send_bytes(bytes(50))
            await host.until(sessions=0)
            await asyncio.sleep(3 * SETTINGS.bond.linger_seconds)

        await visit()
        with collecting_nothing() as found:
            await visit()
    assert not [one for one in found if one.startswith(("freespan.", "aioquic.", "aiohttp.web"))]
