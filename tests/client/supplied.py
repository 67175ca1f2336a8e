"""A session whose links a `LinkManager` fetches from a world in memory, where bridges come, go, and run out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from freespan.client.dialer import DialedLink, Dialer
from freespan.client.link_manager import LinkManager
from freespan.client.settings import ClientSettings
from freespan.client.transports import Transport, TransportError, TransportInUse
from freespan.egress.session import EgressSession
from freespan.egress.sessions import Sessions
from freespan.link.memory import MemoryLink, memory_pair
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import FreespanError, RendezvousError
from tests.support.tunnels import IDENTITY

DELAY = 0.01


def no_bridge(after: float | None = 3.0) -> RendezvousError:
    return RendezvousError("no_bridge", "no bridge is free right now", retry=True, after=after)


def unreached() -> TransportError:
    return TransportError("the bridge could not be reached")


def udp_blocked() -> TransportError:
    return TransportError("UDP does not come through here", is_unusable=True)


async def echo(session: EgressSession, stream: TunnelStream) -> None:
    """Tells the key to who asks for it, and sends everybody else back what comes."""
    session.tunnel.accept(stream)
    if dict(stream.headers)[b":method"] == b"GET":
        await stream.write(session.key.id + session.key.key)
    else:
        while data := await stream.read():
            await stream.write(data)
    stream.write_eof()


class World:
    """Stands in for `Dialer`: `free` bridges wait, and `refusal` says why there is none."""

    def __init__(self, free: int = 0, sessions: Sessions | None = None) -> None:
        self.sessions = sessions or new_egress()
        self.free = free
        self.refusal: Callable[[], FreespanError | Exception] = no_bridge
        self.asked: list[tuple[float, Transport, tuple[str, ...]]] = []
        self.extras: list[bool] = []
        self.transport: TransportInUse | None = None
        self.opens_late = 0.0
        self.short_lived: list[str] = []
        self.failures: list[str] = []
        self.bridges: dict[str, tuple[MemoryLink, MemoryLink]] = {}
        self.takes = True
        self.rate = 1e6
        self._loop = asyncio.get_running_loop()
        self._taking: set[asyncio.Task[None]] = set()

    # --- Dialer -----------------------------------------------------------------------------------
    async def dial(self, transport: Transport, avoid: Sequence[str] = (), *, extra: bool = False) -> DialedLink:
        self.extras.append(extra)
        self.asked.append((self._loop.time(), transport, tuple(avoid)))
        await asyncio.sleep(DELAY + self.opens_late)
        if not self.free:
            raise self.refusal()
        self.free -= 1
        return self.dialed(transport)

    def report_failure(self, dialed: DialedLink) -> None:
        self.failures.append(dialed.bridge)

    def report_short_lived(self, dialed: DialedLink) -> None:
        self.short_lived.append(dialed.bridge)

    # --- for tests ---------------------------------------------------------------------------------
    def dialed(self, transport: Transport) -> DialedLink:
        """A link to the egress."""
        ours, theirs = memory_pair(delay=DELAY, rate=self.rate)
        name = f"bridge {len(self.bridges)}"
        self.bridges[name] = ours, theirs
        if self.takes:
            self.take(theirs)
        else:
            self._loop.call_later(DELAY, theirs.close)
        return DialedLink(ours, self.transport or transport, transport, bridge=name)

    def take(self, link: MemoryLink) -> None:
        task = asyncio.create_task(self.sessions.take(link), name="test-take")
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    def leave(self, number: int) -> None:
        """A bridge closes its tab."""
        for end in self.bridges[f"bridge {number}"]:
            end.close()

    async def end(self) -> None:
        await self.sessions.stop()
        await asyncio.gather(*self._taking, return_exceptions=True)


def new_egress() -> Sessions:
    return Sessions(IDENTITY, echo, lambda _: None)


class Supplied:
    """A client's session in such a world; made with `supplied`."""

    def __init__(self, world: World, transport: Transport) -> None:
        self.world = world
        self.counts: list[int] = []
        self.manager = LinkManager(cast(Dialer, world), world.dialed(transport), self.counts.append, ClientSettings())
        self.tunnel = ClientTunnel(IDENTITY.pin, self.manager.bond)
        self._news = asyncio.Event()

    async def until(self, condition: Callable[[], bool], seconds: float = 600.0) -> None:
        """On a clock that leaps this takes no time."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_links(self, count: int, seconds: float = 600.0) -> None:
        await self.until(lambda: bool(self.counts) and self.counts[-1] == count, seconds)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def asked_since(self, moment: float) -> list[float]:
        """How long after that moment the world was asked for links."""
        return [at - moment for at, _, _ in self.world.asked if at >= moment]

    async def stop(self) -> None:
        self.tunnel.close("the test is over")
        await self.manager.stop()
        await self.world.end()


async def supplied(world: World, transport: Transport = "webrtc") -> Supplied:
    one = Supplied(world, transport)
    await one.tunnel.start()
    one.manager.start(one.tunnel)
    await one.until(lambda: one.manager.bond.is_joinable)
    return one
