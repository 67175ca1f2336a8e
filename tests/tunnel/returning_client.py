"""A client that has been at an egress before and holds a ticket, on a virtual clock that counts round trips."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from freespan.link.base import Link
from freespan.link.memory import memory_pair
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.identity import Identity
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import TicketJar, TicketStore
from tests.support.tunnels import IDENTITY, Bridge, Change, by_name, read_all, site, unchanged

ONE_WAY = 0.2
ROUND_TRIP = 2 * ONE_WAY


def rounds(since: float) -> float:
    """How many round trips that was."""
    return round((now() - since) / ROUND_TRIP, 2)


def now() -> float:
    return asyncio.get_running_loop().time()


class Place:
    """An egress with its store, and whatever has been dialed from it."""

    def __init__(self, identity: Identity = IDENTITY) -> None:
        self.identity = identity
        self.store = TicketStore(now)
        self.dialed: list[bytes] = []
        self.tunnels: list[ServerTunnel] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def dial(self, tunnel: ServerTunnel, stream: TunnelStream) -> None:
        self.dialed.append(dict(stream.headers)[b":authority"])
        await by_name(tunnel, stream)

    def serve(self, link: Link) -> ServerTunnel:
        tunnel = ServerTunnel(self.identity, link, self.dial, self.store)
        self.tunnels.append(tunnel)
        self._tasks.append(asyncio.create_task(tunnel.serve(), name="test-serve"))
        return tunnel

    async def close(self) -> None:
        for tunnel in self.tunnels:
            tunnel.close("the test is over")
        await asyncio.gather(*self._tasks)


class Visit:
    """One session of a client, through a bridge, with all that it saw."""

    def __init__(self, place: Place, jar: TicketJar, to_egress: Change, to_client: Change) -> None:
        self.flight: list[bytes] = []
        self.back: list[bytes] = []
        self._changes = to_egress, to_client
        link, far = memory_pair(delay=ONE_WAY / 2)
        near, server_link = memory_pair(delay=ONE_WAY / 2)
        self.bridge = Bridge(far, near, self._to_egress, self._to_client)
        self.server = place.serve(server_link)
        self.client = ClientTunnel(IDENTITY.pin, link, jar)

    @property
    def quic(self) -> LinkQuic:
        assert self.client._driver.quic is not None
        return self.client._driver.quic

    def _to_egress(self, message: bytes) -> Iterable[bytes]:
        self.flight.append(message)
        return self._changes[0](message)

    def _to_client(self, message: bytes) -> Iterable[bytes]:
        self.back.append(message)
        return self._changes[1](message)


class Scene:
    """A place and a client that has been there before, so it has a ticket."""

    def __init__(self) -> None:
        self.place = Place()
        self.jar = TicketJar(now)

    @asynccontextmanager
    async def visit(
        self, place: Place | None = None, to_egress: Change = unchanged, to_client: Change = unchanged
    ) -> AsyncIterator[Visit]:
        visit = Visit(place or self.place, self.jar, to_egress, to_client)
        try:
            yield visit
        finally:
            visit.client.close("the visit is over")
            await asyncio.sleep(ROUND_TRIP)  # so that both ends know, and nothing is under way


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    one = Scene()
    async with one.visit() as visit:
        await visit.client.start()
        await asyncio.sleep(2 * ROUND_TRIP)  # tickets come after the handshake
    try:
        yield one
    finally:
        await one.place.close()


async def open_early(
    visit: Visit, name: str, first: bytes = b"", port: int = 1
) -> tuple[TunnelStream, asyncio.Task[None]]:
    """A stream that did not wait for the handshake, and the task of that."""
    assert visit.client.begin()
    starting = asyncio.create_task(visit.client.start(), name="test-start")
    return await visit.client.connect(site(name, port), first), starting


async def echoed(stream: TunnelStream) -> bytes:
    stream.write_eof()
    return await read_all(stream)
