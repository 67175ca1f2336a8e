"""The two ends of a session, joined by links in memory, with or without a bridge that misbehaves."""

import array
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from freespan.link.base import Link, LinkOwner
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.session_key import session_key
from freespan.link.bond.settings import BondSettings
from freespan.link.memory import MemoryLink, memory_pair
from freespan.link.turns import Turns
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.driver import QuicDriver
from freespan.tunnel.identity import Identity, new_identity
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.bond_frames import Hello
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target

DEFAULTS = TunnelSettings()

SECONDS = 20.0
"""No test waits longer for anything; none is expected to wait at all."""

IDENTITY = new_identity()
Change = Callable[[bytes], Iterable[bytes]]
Handler = Callable[[ServerTunnel, TunnelStream], Awaitable[None]]


def unchanged(message: bytes) -> Iterable[bytes]:
    return (message,)


def pattern(size: int) -> bytes:
    """Bytes in which every place is different enough to notice what is missing, doubled or moved."""
    return array.array("I", range(size // 4 + 1)).tobytes()[:size]


async def read_all(stream: TunnelStream) -> bytes:
    parts = []
    async with asyncio.timeout(SECONDS):
        while part := await stream.read():
            parts.append(part)
    return b"".join(parts)


async def write_all(stream: TunnelStream, data: bytes, chunk: int = 65_536) -> None:
    for start in range(0, len(data), chunk):
        await stream.write(data[start : start + chunk])


async def echo_of(stream: TunnelStream, text: bytes) -> bytes:
    """What a site that echoes sends back for `text`; the stream stays open."""
    await stream.write(text)
    received = b""
    while len(received) < len(text):
        received += await stream.read()
    return received


async def until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Let the loop turn until `condition` holds, for what announces itself to nobody."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)


# --- sites that an egress may lead to --------------------------------------------------------------
async def echo(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    """Sends back what comes, and ends when the other side does."""
    tunnel.accept(stream)
    while data := await stream.read():
        await stream.write(data)
    stream.write_eof()


async def sized(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    """Sends as many bytes as the port says, times 1024."""
    tunnel.accept(stream)
    authority = dict(stream.headers)[b":authority"].decode()
    await write_all(stream, pattern(int(authority.rpartition(":")[2]) * 1024))
    stream.write_eof()


async def silent(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    """Takes the connection, and neither reads nor writes."""
    tunnel.accept(stream)
    await asyncio.Event().wait()


async def refusing(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    tunnel.refuse(stream, ProxyStatus("connection_refused"))


async def never_answering(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    await asyncio.Event().wait()


SITES: dict[str, Handler] = {
    "echo.test": echo,
    "sized.test": sized,
    "silent.test": silent,
    "refusing.test": refusing,
    "never.test": never_answering,
}


async def by_name(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    """Leads to one of the sites above; a stream that is cut is no trouble."""
    host = dict(stream.headers)[b":authority"].decode().rpartition(":")[0]
    try:
        await SITES[host](tunnel, stream)
    except StreamError:
        pass


def site(name: str, port: int = 1) -> Target:
    return Target(f"{name}.test", port)


# --- a bridge --------------------------------------------------------------------------------------
class _Side:
    def __init__(self, bridge: "Bridge", source: str) -> None:
        self._bridge = bridge
        self._source = source

    def on_message(self, message: bytes) -> None:
        self._bridge.pass_on(self._source, message)

    def on_writable(self) -> None: ...

    def on_closed(self, reason: str) -> None:
        self._bridge.end()


class Bridge:
    """Passes messages on, changed by `to_egress` and `to_client`, and keeps everything that it saw."""

    def __init__(self, client_side: Link, egress_side: Link, to_egress: Change, to_client: Change) -> None:
        self.seen = bytearray()
        self.to_egress = to_egress
        self.to_client = to_client
        self.passed = 0
        self._client_side = client_side
        self._egress_side = egress_side
        client_side.start(_Side(self, "client"))
        egress_side.start(_Side(self, "egress"))

    def pass_on(self, source: str, message: bytes) -> None:
        self.seen += message
        change, onward = (
            (self.to_egress, self._egress_side) if source == "client" else (self.to_client, self._client_side)
        )
        for changed in change(message):
            self.passed += 1
            onward.send(changed)

    def end(self) -> None:
        self._client_side.close("the bridge has left")
        self._egress_side.close("the bridge has left")


# --- both ends -------------------------------------------------------------------------------------
@dataclass
class Ends:
    client: ClientTunnel
    server: ServerTunnel
    client_link: MemoryLink
    server_link: MemoryLink
    bridge: Bridge | None
    serving: "asyncio.Task[None]"


@asynccontextmanager
async def two_ends(
    handler: Handler = by_name,
    *,
    delay: float = 0.0,
    rate: float = 0.0,
    bridged: bool = False,
    to_egress: Change = unchanged,
    to_client: Change = unchanged,
    identity: Identity = IDENTITY,
    pin: bytes = IDENTITY.pin,
    settings: TunnelSettings = DEFAULTS,
    client_settings: TunnelSettings | None = None,
) -> AsyncIterator[Ends]:
    """Both ends before the handshake; afterwards both have ended, and so have their tasks."""
    client_link, far = memory_pair(delay=delay, rate=rate)
    bridge = None
    server_link = far
    if bridged:
        near, server_link = memory_pair(delay=delay, rate=rate)
        bridge = Bridge(far, near, to_egress, to_client)
    server = ServerTunnel(identity, server_link, handler, settings=settings)
    serving = asyncio.create_task(server.serve(), name="test-serve")
    client = ClientTunnel(pin, client_link, settings=client_settings or settings)
    try:
        yield Ends(client, server, client_link, server_link, bridge, serving)
    finally:
        client.close("the test is over")
        server.close("the test is over")
        async with asyncio.timeout(SECONDS):
            await asyncio.wait({serving})
            if not serving.cancelled():
                await serving


@asynccontextmanager
async def session(
    handler: Handler = by_name,
    *,
    delay: float = 0.0,
    rate: float = 0.0,
    bridged: bool = False,
    settings: TunnelSettings = DEFAULTS,
) -> AsyncIterator[Ends]:
    """An open session."""
    async with two_ends(handler, delay=delay, rate=rate, bridged=bridged, settings=settings) as ends:
        async with asyncio.timeout(SECONDS):
            await ends.client.start()
        yield ends


async def exchange(ends: Ends, data: bytes) -> None:
    """One stream to the echo and back, byte for byte."""
    stream = await ends.client.connect(site("echo"))

    async def send() -> None:
        await write_all(stream, data)
        stream.write_eof()

    sending = asyncio.create_task(send(), name="test-send")
    assert await read_all(stream) == data
    await sending
    ends.client.release(stream)


def as_owner(one: QuicDriver) -> LinkOwner:
    """A driver is the owner of its link; mypy compares it with the protocol here."""
    return one


@dataclass
class BondedEnds:
    """Both ends of a session over bonds of one link each."""

    client: ClientTunnel
    server: ServerTunnel
    client_bond: Bond
    server_bond: Bond


@asynccontextmanager
async def bonded_session(
    handler: Handler = by_name, settings: TunnelSettings = DEFAULTS, turns: Turns | None = None
) -> AsyncIterator[BondedEnds]:
    """An open session over bonds, as clients and egresses have it."""
    near, far = memory_pair()
    at_once = BondSettings(linger_seconds=0.01)
    client_bond = Bond.begin_session(near, settings=at_once)
    client = ClientTunnel(IDENTITY.pin, client_bond, settings=settings)
    client.begin()
    arrival = Arrival(far)
    assert isinstance(await arrival.opening(), Hello)
    server_bond = Bond.accept_session(arrival, session_key(bytes(32), bytes(16)), settings=at_once)
    server = ServerTunnel(IDENTITY, server_bond, handler, settings=settings, turns=turns)
    serving = asyncio.create_task(server.serve(), name="test-serve")
    try:
        await client.start()
        await until(lambda: server._driver.is_established)
        yield BondedEnds(client, server, client_bond, server_bond)
    finally:
        client.close("the test is over")
        server.close("the test is over")
        async with asyncio.timeout(SECONDS):
            await asyncio.wait({serving})
            await client_bond.wait_closed()
            await server_bond.wait_closed()
