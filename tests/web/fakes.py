"""The other ends of the switch: a host with a scripted broker and egress, sites that embed it, and a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import webrtc
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.typedefs import Handler

from freespan.browsers import Page, switch
from freespan.browsers.chromium import ChromiumPage
from freespan.browsers.firefox import FirefoxPage
from freespan.web.static_files import routes
from freespan.wire import messages
from freespan.wire.sdp import check_answer

SECONDS = 10.0
"""Every wait of the tests."""


async def soon(awaitable: Any, seconds: float = SECONDS) -> Any:
    async with asyncio.timeout(seconds):
        return await awaitable


@dataclass(eq=False)
class Connection:
    """One WebSocket that a browser opened: what it received, and whether it is closed."""

    socket: web.WebSocketResponse
    received: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        try:
            async for message in self.socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self.received.put_nowait(message.data)
        finally:
            self.gone.set()

    async def next(self) -> Any:
        return await soon(self.received.get())


class Bridge(Connection):
    """A bridge as its broker sees it."""

    async def expect(self, kind: type[Any]) -> Any:
        """The next message, which must be well-formed and of this kind."""
        message = messages.decode_to_broker(await self.next())
        assert isinstance(message, kind), message
        return message

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def offer(self, name: str, sdp: str) -> None:
        await self.send(type="offer", id=name, sdp=sdp)


class FakeHost:
    """Serves the switch; broker and egress follow the test."""

    def __init__(self) -> None:
        self.url = ""
        self.bridges: asyncio.Queue[Bridge] = asyncio.Queue()
        self.links: asyncio.Queue[Connection] = asyncio.Queue()
        self.bridges_seen = 0
        self.origins: list[str | None] = []
        self.page_origins: list[str | None] = []
        self.open: set[Connection] = set()
        self.away = False
        self.egress_away = False
        self.stuck: asyncio.Event | None = None
        """While it is not set, the egress reads nothing."""
        self.ice_servers: list[dict[str, Any]] = []

    @property
    def embed(self) -> str:
        return f'<script type="module" src="{self.url}/switch.js"></script><freespan-switch></freespan-switch>'

    async def bridge(self, capacity: int = 4) -> Bridge:
        """The next bridge, after hello and welcome."""
        bridge: Bridge = await soon(self.bridges.get())
        hello = await bridge.expect(messages.Hello)
        assert hello.capacity == capacity
        await bridge.send(type="welcome", egress=self.egress, ice_servers=self.ice_servers)
        return bridge

    @property
    def egress(self) -> str:
        return self.url.replace("http", "ws", 1) + "/v1/egress?bridge=token-of-this-bridge"

    async def link(self) -> Connection:
        """The next WebSocket to the egress."""
        link: Connection = await soon(self.links.get())
        return link

    async def _bridge(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            raise web.HTTPServiceUnavailable
        self.bridges_seen += 1
        self.origins.append(request.headers.get("Origin"))
        return await self._run(request, Bridge, self.bridges)

    async def _egress(self, request: web.Request) -> web.StreamResponse:
        if self.egress_away:
            raise web.HTTPServiceUnavailable
        if self.stuck is not None:
            await (socket := web.WebSocketResponse()).prepare(request)
            await self.stuck.wait()
            return socket
        return await self._run(request, Connection, self.links)

    async def _run(self, request: web.Request, kind: type[Connection], queue: asyncio.Queue[Any]) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=1 << 20, compress=False, timeout=1.0)
        await socket.prepare(request)
        connection = kind(socket)
        self.open.add(connection)
        queue.put_nowait(connection)
        try:
            await connection.run()
        finally:
            self.open.discard(connection)
        return socket

    @web.middleware
    async def _note_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep what who asks for the bridge's page says of itself."""
        if request.path == "/bridge":
            self.page_origins.append(request.headers.get("Origin"))
        return await handler(request)

    async def _stop(self, _: web.Application) -> None:
        for connection in list(self.open):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._note_origin])
        application.add_routes(routes(lambda: self.url))
        application.router.add_get("/v1/bridge", self._bridge)
        application.router.add_get("/v1/egress", self._egress)
        application.on_shutdown.append(self._stop)
        return application


class FakeSite:
    """A site of another origin; a test sets the page and its headers."""

    def __init__(self) -> None:
        self.url = ""
        self.page = ""
        self.headers: dict[str, str] = {}

    async def _serve(self, _: web.Request) -> web.StreamResponse:
        text = f"<!doctype html><html lang=en><title>News</title><body>{self.page}</body></html>"
        return web.Response(text=text, content_type="text/html", headers=self.headers)

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/", self._serve)
        return application


@asynccontextmanager
async def served(place: FakeHost | FakeSite) -> AsyncIterator[None]:
    """Serve on a free port of loopback and fill in the URL."""
    runner = web.AppRunner(place.application(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        place.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield
    finally:
        await runner.cleanup()


STATE = "document.querySelector('freespan-switch').getAttribute('state')"


async def state(page: Page, wanted: str, seconds: float = SECONDS) -> None:
    """Wait until the switch shows a state."""
    await page.wait_for(f"{STATE} === {json.dumps(wanted)}", seconds)


async def turn_on(page: Page, host: FakeHost, *, remember: bool = False) -> Bridge:
    """Flip the switch as a person does, and return the bridge that comes."""
    await switch.turn_on(page, remember=remember)
    bridge = await host.bridge()
    await state(page, "waiting")
    return bridge


async def bridge_page(page: Page) -> Page:
    """The bridge's page inside a page, for looking at it from within."""
    if isinstance(page, ChromiumPage):
        targets = (await page.commands.call("Target.getTargets", {}))["targetInfos"]
        target = next(target["targetId"] for target in targets if target["url"].endswith("/bridge"))
        attached = await page.commands.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        return ChromiumPage(page.commands, target, attached["sessionId"])
    assert isinstance(page, FirefoxPage)
    (tree,) = (await page.commands.call("browsingContext.getTree", {"root": page.context}))["contexts"]
    return FirefoxPage(page.commands, tree["children"][0]["context"])


async def part(page: Page, expression: str) -> Any:
    """Evaluate an expression about `root`, the inside of the switch, and `button`, the switch itself."""
    return await page.evaluate(f"""(() => {{
        const root = document.querySelector("freespan-switch").shadowRoot;
        const button = root.querySelector("[role=switch]");
        return {expression};
    }})()""")


class Client:
    """A reader's end: offers a connection, and keeps what comes out of its data channel."""

    def __init__(self) -> None:
        self.peer = webrtc.RTCPeerConnection()
        self.channel = self.peer.create_data_channel("freespan", webrtc.RTCDataChannelInit(negotiated=True, id=0))
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()
        self.received: asyncio.Queue[bytes | str] = asyncio.Queue()
        self.channel.on("open", lambda _: self.opened.set())
        self.channel.on("close", lambda _: self.closed.set())
        self.channel.on("message", self._on_message)
        self.signalling = self.peer.create_data_channel("lanes", webrtc.RTCDataChannelInit(negotiated=True, id=1))
        self.signals: asyncio.Queue[str] = asyncio.Queue()
        self.signalling_opened = asyncio.Event()
        self.signalling.on("open", lambda _: self.signalling_opened.set())
        self.signalling.on("message", self._on_signal)

    def _on_message(self, event: webrtc.MessageEvent) -> None:
        assert isinstance(event.data, bytes | str)
        self.received.put_nowait(event.data)

    def _on_signal(self, event: webrtc.MessageEvent) -> None:
        self.signals.put_nowait(str(event.data))

    async def offer(self) -> str:
        gathered = asyncio.Event()

        def gathering(_: Any) -> None:
            if self.peer.ice_gathering_state == webrtc.RTCIceGatheringState.complete:
                gathered.set()

        self.peer.on("icegatheringstatechange", gathering)
        await soon(self.peer.set_local_description())
        await soon(gathered.wait())
        description = self.peer.local_description
        assert description is not None
        return str(description.sdp)

    async def accept(self, answer: str) -> None:
        await soon(self.peer.set_remote_description(webrtc.RTCSessionDescriptionInit("answer", check_answer(answer))))
        await soon(self.opened.wait())
        await soon(self.signalling_opened.wait())

    def close(self) -> None:
        self.peer.close()
        self.closed.set()  # who closes is not told


@dataclass
class Session:
    """A whole path: client, bridge, link to the egress."""

    client: Client
    link: Connection
    bridge: Bridge
    name: str


async def connect(host: FakeHost, bridge: Bridge, name: str = "one", sessions: int = 1) -> Session:
    """Open a session through a bridge, as broker and client do."""
    client = Client()
    await bridge.offer(name, await client.offer())
    link = await host.link()
    load = await bridge.expect(messages.Load)
    assert load.sessions == sessions
    answer = await bridge.expect(messages.Answer)
    assert answer.id == name
    await client.accept(answer.sdp)
    return Session(client, link, bridge, name)


async def reply_to_lane(session: Session, sdp: str, name: str = "1") -> messages.LaneReply:
    """Ask for a lane with this offer; returns what the bridge says."""
    session.client.signalling.send(messages.encode(messages.LaneOffer(name, sdp)))
    reply = messages.decode_lane_reply(await soon(session.client.signals.get()))
    assert reply.id == name
    return reply


async def open_lane(host: FakeHost, session: Session, name: str = "1") -> Session:
    """Open a lane of a session, as a client does."""
    client = Client()
    reply = await reply_to_lane(session, await client.offer(), name)
    assert isinstance(reply, messages.LaneAnswer), reply
    link = await host.link()
    await client.accept(reply.sdp)
    return Session(client, link, session.bridge, name)
