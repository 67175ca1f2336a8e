"""A broker on loopback, bridges that send what the test wants, and clients that ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import ClientWebSocketResponse

from freespan.broker.guests import Guests
from freespan.broker.server import Broker
from freespan.broker.settings import BrokerSettings
from freespan.broker.turn import TurnServers
from freespan.observe.counters import HostCounters
from freespan.sealing.hpke import Opener
from freespan.sealing.replies import new_reply_key
from freespan.sealing.requests import open_answer, seal_request
from freespan.sources.requests import SourceReader
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import RENDEZVOUS_STEPS
from freespan.wire.messages import IceServer
from freespan.wire.sealed_request import SealedRequest
from tests.support.invites import SEALING_KEY
from tests.support.sdp import ANSWER, OFFER
from tests.support.serving import serving

SECONDS = 20.0
TURN = b'{"type": "turn", "version": 1}'
"""Asks for TURN servers."""
ICE = IceServer(["stun:host.example:443", "stun:host.example:444"])
TURN_URLS = ["turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp"]
BAD_MESSAGES: dict[str, str | bytes] = {
    "nothing": "",
    "not JSON": "{",
    "no object": "[1, 2]",
    "no type": "{}",
    "unknown type": '{"type": "dance"}',
    "wrong shape": '{"type": "answer", "id": 5, "sdp": []}',
    "negative": '{"type": "load", "sessions": -1}',
    "deep": "[" * 30_000,
    "NUL": "\0" * 100,
    "binary": b"\x00\xff" * 100,
    "longer than allowed": '{"type": "load", "sessions": ' + " " * 40_000 + "1}",
    "10 MB": '{"type": "load", "sessions": ' + " " * 10_000_000 + "1}",
}


Response = tuple[int, dict[str, Any], dict[str, str]]


class FakeBridge:
    """One bridge's end of the signalling."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.token = ""

    async def receive(self) -> aiohttp.WSMessage:
        """What comes next on the WebSocket; its own pings are answered."""
        message = await self.socket.receive(timeout=SECONDS)
        if message.type is aiohttp.WSMsgType.PING:
            await self.socket.pong(message.data)
            return await self.receive()
        return message

    async def next_or_ping(self) -> dict[str, Any]:
        """The next message."""
        message = await self.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return dict(message.json())

    async def next(self) -> dict[str, Any]:
        """The next message that is no ping."""
        while (message := await self.next_or_ping())["type"] == "ping":
            pass
        return message

    async def offer(self) -> str:
        """The id of the offer that comes next."""
        message = await self.next()
        assert (message["type"], message["sdp"]) == ("offer", OFFER)
        return str(message["id"])

    async def send(self, kind: str, **parts: Any) -> None:
        await self.socket.send_json({"type": kind, **parts})

    async def answer(self, offer: str) -> None:
        await self.send("answer", id=offer, sdp=ANSWER)

    async def report(self, **network: str) -> None:
        """Report a network, and wait until the broker has read it: pings are answered in their turn."""
        await self.send("network", **network)
        await self.socket.ping()
        assert (await self.receive()).type is aiohttp.WSMsgType.PONG

    async def closed(self) -> tuple[int | None, str]:
        """Wait until the broker closes; returns its code and reason."""
        while (message := await self.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            pass
        return self.socket.close_code, str(message.extra or "")


def request(**parts: Any) -> bytes:
    """What is sealed in a rendezvous, with some parts added or changed."""
    return msgspec.json.encode({"type": "rendezvous", "version": 1, "offer": OFFER} | parts)


def sealed(message: bytes, reply_key: bytes = bytes(32), token: bytes = bytes(TOKEN_SIZE)) -> bytes:
    """The body of a request to the lab's broker."""
    return seal_request(SEALING_KEY.public_key().public_bytes_raw(), SealedRequest(token, reply_key, message))


class Lab:
    """The broker and everybody around it."""

    def __init__(self, http: aiohttp.ClientSession, port: int, counters: HostCounters, broker: Broker) -> None:
        self.http = http
        self.broker = broker
        self.port = port
        self.hides_private = False
        self.counters = counters

    @asynccontextmanager
    async def elsewhere(self, address: str) -> AsyncIterator[Lab]:
        """The same lab for somebody who comes from another address of loopback."""
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{self.port}", connector=connector) as http:
            yield Lab(http, self.port, self.counters, self.broker)

    async def connect(self, headers: dict[str, str] | None = None) -> FakeBridge:
        """A bridge that has sent nothing yet."""
        timeout = aiohttp.ClientWSTimeout(ws_close=SECONDS)
        socket = await self.http.ws_connect("/v1/bridge", autoping=False, timeout=timeout, headers=headers)
        return FakeBridge(socket)

    async def join(self, capacity: int = 1, headers: dict[str, str] | None = None) -> FakeBridge:
        """A bridge that has got its welcome."""
        bridge = await self.connect(headers)
        await bridge.send("hello", version=1, capacity=capacity)
        welcome = await bridge.next()
        assert welcome["type"] == "welcome"
        bridge.token = welcome["egress"].partition("?bridge=")[2]
        return bridge

    async def post(self, message: bytes | None = None, token: bytes = bytes(TOKEN_SIZE), **options: Any) -> Response:
        """One rendezvous; without a message a proper one. Returns status, JSON and headers.

        What a sealed problem says of its status and of when to ask again is returned as if it were said by HTTP.
        """
        reply_key = new_reply_key()
        body = sealed(request() if message is None else message, reply_key, token)
        status, answer, headers = await self.send(body, **options)
        if status != 200:
            return status, msgspec.json.decode(answer), headers
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Cache-Control"] == "no-store"
        assert len(answer) in RENDEZVOUS_STEPS
        said = msgspec.json.decode(open_answer(reply_key, answer))
        if (after := said.get("retry_after")) is not None:
            headers["Retry-After"] = str(after)
        return said.get("status", 200), said, headers

    async def send(self, body: bytes | BytesIO, **options: Any) -> tuple[int, bytes, dict[str, str]]:
        """Any body at all. Returns status, body and headers of the response."""
        async with self.http.post("/v1/rendezvous", data=body, **options) as response:
            if response.status != 200:
                assert response.content_type == "application/problem+json"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            return response.status, await response.read(), dict(response.headers)

    def ask(self, **parts: Any) -> asyncio.Task[Response]:
        """A client that asks while the test goes on, with some more parts in its request."""
        return asyncio.create_task(self.post(request(**parts)), name="client")

    def asking(self, offer: str, headers: dict[str, str]) -> asyncio.Task[Response]:
        """A client that asks with an offer and headers while the test goes on."""
        return asyncio.create_task(self.post(request(offer=offer), headers=headers), name="client")

    async def still_serves(self) -> None:
        """Everybody else is unaffected."""
        bridge = await self.join()
        client = self.ask()
        await bridge.answer(await bridge.offer())
        assert (await client)[0] == 200
        await bridge.socket.close()

    def outcome(self, name: str) -> float:
        return self.counters.rendezvous.labels(name).exact


@asynccontextmanager
async def running_lab(
    settings: BrokerSettings | None = None,
    turn_servers: TurnServers | None = None,
    sources: SourceReader | None = None,
    guests: Guests | None = None,
) -> AsyncIterator[Lab]:
    """A lab for the length of the block, for tests whose broker has settings of its own."""
    counters = HostCounters()
    lab: Lab
    broker = Broker(
        lambda: "ws://egress.example/v1/egress",
        Opener(SEALING_KEY),
        counters,
        lambda: [ICE],
        turn_servers,
        settings=settings,
        sources=sources,
        guests=guests,
        hides_private=lambda: lab.hides_private,
    )
    async with (
        asyncio.timeout(4 * SECONDS),
        serving(broker.routes()) as url,
        aiohttp.ClientSession(url) as http,
    ):
        lab = Lab(http, int(url.rpartition(":")[2]), counters, broker)
        yield lab


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """The broker of a host without TURN servers."""
    async with running_lab() as lab:
        yield lab


@pytest.fixture
async def turn_lab() -> AsyncIterator[Lab]:
    """The broker of a host with TURN servers."""
    async with running_lab(turn_servers=TurnServers(TURN_URLS, "north")) as lab:
        yield lab
