"""Two connected ends of each kind of link; and links whose other end is a rogue that says what it likes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
import webrtc
from aiohttp import web
from aiohttp.test_utils import TestServer

from freespan.link.base import DeliveryQueue, Link
from freespan.link.datachannel import DataChannelLink
from freespan.link.memory import MemoryLink, memory_pair
from freespan.link.websocket import WebSocketLink
from freespan.wire.limits import MESSAGE_MAX
from tests.support.recorder import SECONDS

AnyLink = MemoryLink | WebSocketLink | DataChannelLink


class Rogue(Protocol):
    """The other end of a link, free of all rules."""

    async def say(self, message: bytes | str) -> None: ...

    async def die(self) -> None:
        """Be gone without a word."""


Ends = tuple[AnyLink, AnyLink]
LinkAndRogue = tuple[AnyLink, Rogue]


def waiting(link: AnyLink) -> int:
    """Bytes that came before `start`."""
    inbox: DeliveryQueue = link._deliveries
    return inbox._waiting_bytes


@asynccontextmanager
async def memory_links() -> AsyncIterator[Ends]:
    ends = memory_pair()
    yield ends
    for end in ends:
        end.close()


# --- WebSocket -----------------------------------------------------------------------------------
@asynccontextmanager
async def sockets(
    *, autoping: bool = True
) -> AsyncIterator[tuple[web.WebSocketResponse, aiohttp.ClientWebSocketResponse]]:
    """Both ends of a real WebSocket on loopback."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[web.WebSocketResponse] = loop.create_future()
    finished = asyncio.Event()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_MAX + 1, compress=False, autoping=autoping)
        await socket.prepare(request)
        accepted.set_result(socket)
        await finished.wait()
        return socket

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        url = server.make_url("/")
        socket = await http.ws_connect(url, max_msg_size=MESSAGE_MAX + 1, compress=0, autoping=autoping)
        try:
            yield await accepted, socket
        finally:
            finished.set()
            await socket.close()


@asynccontextmanager
async def running(link: WebSocketLink) -> AsyncIterator[WebSocketLink]:
    task = asyncio.create_task(link.run(), name="test-run")
    try:
        yield link
    finally:
        link.close()
        async with asyncio.timeout(SECONDS):
            await task


@asynccontextmanager
async def websocket_links() -> AsyncIterator[Ends]:
    async with sockets() as (left, right), running(WebSocketLink(left)) as one, running(WebSocketLink(right)) as other:
        yield one, other


class WebSocketRogue:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, message: bytes | str) -> None:
        if isinstance(message, str):
            await self.socket.send_str(message)
        else:
            await self.socket.send_bytes(message)

    async def die(self) -> None:
        connection = self.socket._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()


@asynccontextmanager
async def websocket_and_rogue() -> AsyncIterator[LinkAndRogue]:
    async with sockets() as (left, right), running(WebSocketLink(left)) as link:
        rogue = WebSocketRogue(right)
        yield link, rogue
        await rogue.die()


# --- data channel --------------------------------------------------------------------------------
@asynccontextmanager
async def data_channel_links() -> AsyncIterator[Ends]:
    offerer, answerer = DataChannelLink(), DataChannelLink()
    try:
        async with asyncio.timeout(SECONDS):
            await offerer.accept(await answerer.answer(await offerer.offer()))
            await asyncio.gather(offerer.wait_opened(), answerer.wait_opened())
        yield offerer, answerer
    finally:
        for end in (offerer, answerer):
            end.close()
        await asyncio.sleep(0)


class DataChannelRogue:
    """An answerer with a channel of its own."""

    def __init__(self) -> None:
        self.connection = webrtc.RTCPeerConnection(webrtc.RTCConfiguration(ice_servers=[]))
        self.channel = self.connection.create_data_channel("freespan", webrtc.RTCDataChannelInit(negotiated=True, id=0))

    async def answer(self, offer: str) -> str:
        kind = webrtc.RTCSdpType("offer")
        await self.connection.set_remote_description(webrtc.RTCSessionDescriptionInit(type=kind, sdp=offer))
        gathered = asyncio.Event()
        self.connection.on("icegatheringstatechange", lambda _: gathered.set())
        await self.connection.set_local_description(await self.connection.create_answer())
        while self.connection.ice_gathering_state != "complete":
            gathered.clear()
            await gathered.wait()
        description = self.connection.local_description
        assert description is not None
        return description.sdp

    async def say(self, message: bytes | str) -> None:
        self.channel.send(message)

    async def die(self) -> None:
        self.connection.close()


@asynccontextmanager
async def data_channel_and_rogue() -> AsyncIterator[LinkAndRogue]:
    link, rogue = DataChannelLink(), DataChannelRogue()
    opened = asyncio.Event()
    rogue.channel.on("open", lambda _: opened.set())
    try:
        async with asyncio.timeout(SECONDS):
            await link.accept(await rogue.answer(await link.offer()))
            await link.wait_opened()
            await opened.wait()
        yield link, rogue
    finally:
        link.close()
        await asyncio.sleep(0)
        rogue.connection.close()


KINDS: dict[str, Callable[[], AbstractAsyncContextManager[Ends]]] = {
    "memory": memory_links,
    "websocket": websocket_links,
    "datachannel": data_channel_links,
}
ROGUES: dict[str, Callable[[], AbstractAsyncContextManager[LinkAndRogue]]] = {
    "websocket": websocket_and_rogue,
    "datachannel": data_channel_and_rogue,
}


def as_link(link: AnyLink) -> Link:
    """Every kind is a `Link`; mypy holds it against the contract here."""
    return link
