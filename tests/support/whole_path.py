"""A whole path in one process: host, bridges and clients, each the real one, joined by sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

import aiohttp
import msgspec

from freespan.bridge.bridge import Bridge, BridgeStatus
from freespan.bridge.settings import BridgeSettings
from freespan.broker.server import Broker
from freespan.broker.settings import BrokerSettings
from freespan.client.admission import InviteAdmission
from freespan.client.client import Client
from freespan.client.settings import ClientSettings
from freespan.client.status import ClientStatus
from freespan.client.transports import TransportChoice
from freespan.egress.dialer import Dialer
from freespan.egress.guests import Guests
from freespan.egress.policy import Policy
from freespan.egress.server import Egress
from freespan.egress.settings import EgressSettings
from freespan.link.bond.bond import Bond
from freespan.link.bond.session_key import KEY_SIZE, SessionKey
from freespan.link.websocket import WebSocketLink
from freespan.observe.counters import HostCounters
from freespan.sealing.hpke import Opener
from freespan.sources.requests import SourceReader
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.identity import Identity, new_identity
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import TicketJar
from freespan.web.static_files import routes
from freespan.wire.bond_frames import KEY_PATH, SESSION_ID_SIZE
from freespan.wire.invite import Invite
from freespan.wire.target import Target
from tests.support.invites import invite_to
from tests.support.serving import serving

SECONDS = 30.0
QUICK_BROKER = BrokerSettings(retry_after_seconds=0)
"""Clients that find no bridge may ask again at once."""
QUICK_BRIDGE = BridgeSettings(first_retry_seconds=0.02)
QUICK = ClientSettings(
    first_retry_seconds=0.02,
    longest_retry_seconds=0.1,
    longest_link_retry_seconds=0.1,
    longest_extra_link_retry_seconds=0.1,
    bridge_networks_min=1,
)
"""For a client that does not wait long before it tries again, on loopback, where all bridges share a network."""
LOOPBACK = ipaddress.ip_address("127.0.0.1")
Status = TypeVar("Status", ClientStatus, BridgeStatus)


class Host:
    """Broker, egress and switch at one URL; `site.test` is resolved to this machine."""

    def __init__(
        self,
        identity: Identity | None = None,
        broker: BrokerSettings | None = None,
        egress: EgressSettings | None = None,
        guests: Guests | None = None,
    ) -> None:
        self.url = ""
        self.identity = identity or new_identity()
        self.counters = HostCounters()
        self.dialer = Dialer(Policy(allow_private=True), {"site.test": LOOPBACK}, egress)
        sources = SourceReader()
        self.broker = Broker(
            lambda: self.url.replace("http", "ws", 1) + "/v1/egress",
            Opener(self.identity.sealing_key),
            self.counters,
            settings=broker or QUICK_BROKER,
            sources=sources,
        )
        self.egress = Egress(
            self.identity, self.dialer, self.counters, egress, sources, self.broker.bridges, guests=guests
        )

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def invite(self) -> Invite:
        return self.invite_to(self.url)

    def invite_to(
        self,
        url: str,
        egress_key: bytes | None = None,
        fronts: tuple[str, ...] = (),
        stun: tuple[tuple[str, ...], ...] = (),
    ) -> Invite:
        """An invite to this host under another URL, or with another key, other fronts or STUN servers."""
        sealing_key = self.identity.public_sealing_key
        return invite_to(url, egress_key or self.identity.pin, sealing_key=sealing_key, fronts=fronts, stun=stun)

    async def until(self, **figures: int) -> None:
        """Wait until the named counters have these values."""
        async with asyncio.timeout(SECONDS):
            while any(getattr(self.counters.figures(), name) != count for name, count in figures.items()):
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running_host(
    port: int = 0,
    identity: Identity | None = None,
    broker: BrokerSettings | None = None,
    egress: EgressSettings | None = None,
    guests: Guests | None = None,
) -> AsyncIterator[Host]:
    """Run a host for the length of the block."""
    host = Host(identity, broker, egress, guests)
    try:
        everything = [*host.broker.routes(), *host.egress.routes(), *routes(lambda: host.url)]
        async with serving(everything, port) as host.url:
            try:
                yield host
            finally:
                host.egress.close()
    finally:
        await host.egress.stop()
        host.dialer.close()


class Statuses(Generic[Status]):
    """The statuses of a client or a bridge, and a way to wait for more."""

    def __init__(self) -> None:
        self.all: list[Status] = []
        self._seen = 0
        self._news = asyncio.Event()

    def __call__(self, status: Status) -> None:
        self.all.append(status)
        self._news.set()

    async def until(self, state: str, **parts: object) -> Status:
        """Wait for the next status with these values, after those that earlier calls have returned or skipped."""
        async with asyncio.timeout(SECONDS):
            while True:
                while self._seen < len(self.all):
                    self._seen += 1
                    status = self.all[self._seen - 1]
                    if status.state == state and all(getattr(status, name) == part for name, part in parts.items()):
                        return status
                self._news.clear()
                await self._news.wait()


class RunningBridge:
    """A bridge and its task."""

    def __init__(self, task: asyncio.Task[None], statuses: Statuses[BridgeStatus]) -> None:
        self.task = task
        self.statuses = statuses

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@contextlib.asynccontextmanager
async def running_bridge(
    url: str, capacity: int = 4, settings: BridgeSettings = QUICK_BRIDGE
) -> AsyncIterator[RunningBridge]:
    """Run a bridge for the length of the block."""
    statuses: Statuses[BridgeStatus] = Statuses()
    volunteer = Bridge(url, capacity, statuses, settings)
    helper = RunningBridge(asyncio.create_task(volunteer.run(), name="volunteer"), statuses)
    try:
        yield helper
    finally:
        await helper.stop()


class RunningClient:
    """A client and its task; `outcome` waits for its end."""

    def __init__(self, client: Client, task: asyncio.Task[None], statuses: Statuses[ClientStatus]) -> None:
        self.client = client
        self.task = task
        self.statuses = statuses

    async def ask(self, port: int, path: str = "/") -> bytes:
        return await ask(await self.client.tunnel(SECONDS), port, path)

    async def outcome(self) -> BaseException | None:
        async with asyncio.timeout(SECONDS):
            await asyncio.wait({self.task})
        return self.task.exception()


@contextlib.asynccontextmanager
async def running_client(
    invite: Invite, transport: TransportChoice = "auto", settings: ClientSettings | None = None
) -> AsyncIterator[RunningClient]:
    """Run a client for the length of the block."""
    statuses: Statuses[ClientStatus] = Statuses()
    client = Client(invite, statuses, transport, settings)
    reader = RunningClient(client, asyncio.create_task(client.run(), name="client"), statuses)
    try:
        yield reader
    finally:
        reader.task.cancel()
        await asyncio.gather(reader.task, return_exceptions=True)


@contextlib.asynccontextmanager
async def direct_session(
    host: Host, pin: bytes | None = None, tickets: TicketJar | None = None, token: bytes | None = None
) -> AsyncIterator[ClientTunnel]:
    """Open a session with the egress over a WebSocket, without a bridge, for the length of the block.

    With a `token`, it shows an invite, and protects what it sends, as a client does.
    """
    invite = None if token is None else msgspec.structs.replace(host.invite, token=token)
    async with aiohttp.ClientSession() as http:
        link = WebSocketLink(await http.ws_connect(f"{host.url}/v1/egress"))
        running = asyncio.create_task(link.run(), name="link")
        admission = None if invite is None else InviteAdmission(invite)
        bond = Bond.begin_session(link, admission=admission)
        session = ClientTunnel(pin or host.identity.pin, bond, tickets)
        try:
            await session.start()
            if token is not None:
                key = await session.get(KEY_PATH, SESSION_ID_SIZE + KEY_SIZE)
                bond.set_key(SessionKey(key[:SESSION_ID_SIZE], key[SESSION_ID_SIZE:]))
            yield session
        finally:
            session.close("the test is over")
            link.close()
            await running


async def ask(session: ClientTunnel, port: int, path: str = "/", host: str = "site.test") -> bytes:
    """Send a request over a stream of its own; returns the whole response."""
    stream = await session.connect(Target(host, port), f"GET {path} HTTP/1.0\r\n\r\n".encode())
    try:
        return await read_all(stream)
    finally:
        session.release(stream)


async def read_all(stream: TunnelStream) -> bytes:
    """Read until the end of the stream."""
    received = bytearray()
    async with asyncio.timeout(SECONDS):
        while data := await stream.read():
            received += data
    return bytes(received)
