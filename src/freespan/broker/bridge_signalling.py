"""WebSocket `/v1/bridge`: where bridges and probes connect to the broker.

    connected ──┬─ hello, capacity above 0 ──▶ joined: gets offers, sends load, network, answers and refusals
                ├─ hello, capacity 0 ────────▶ probe: gets its welcome, and is closed
                └─ no hello in time, or a bad message ──▶ closed

    joined ──┬─ closed by the bridge, or no pong ──▶ gone: its pending offers go to other bridges
             └─ a bad message, or too many misses in a row ──▶ closed with 1008, and gone

A miss is an offer that the bridge refused, or did not answer in time.

The heartbeat of the WebSocket notices a bridge that is gone without a close. docs/protocol/signalling.md describes the
messages.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import aiohttp
from aiohttp import web

from freespan.broker.matching import Matching
from freespan.broker.settings import BrokerSettings
from freespan.observe.counters import HostCounters
from freespan.wire.errors import MessageError
from freespan.wire.limits import SIGNAL_MESSAGE_MAX
from freespan.wire.messages import (
    Answer,
    Hello,
    Load,
    NetworkReport,
    Offer,
    Ping,
    Refusal,
    ToBroker,
    Welcome,
    decode_to_broker,
    encode,
)
from freespan.wire.network import Network
from freespan.wire.sdp import check_answer

_REASON_MAX = 120
"""Bytes of the reason in a close frame (RFC 6455 section 5.5 allows 123)."""


class BridgeSignalling:
    """The WebSockets of all bridges, and the offers that wait for an answer.

    `welcome` is asked whenever a bridge joins; `filter_sdp` takes out of an answer what the client must not be given.
    """

    def __init__(
        self,
        matching: Matching,
        welcome: Callable[[], Welcome],
        counters: HostCounters,
        settings: BrokerSettings,
        filter_sdp: Callable[[str], str],
    ) -> None:
        self._matching = matching
        self._welcome = welcome
        self._counters = counters
        self._settings = settings
        self._filter_sdp = filter_sdp
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._answers: dict[str, asyncio.Future[str | None]] = {}
        self._probes = 0
        self._closing: set[asyncio.Task[bool]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The route for bridges."""
        return [web.get("/v1/bridge", self.handle_bridge)]

    async def ask(self, bridge: str, offer: Offer) -> str | None:
        """Send an offer to the bridge that it is assigned to, and return the answer.

        Returns None when the bridge refuses, leaves, or does not answer in time.
        """
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._answers[offer.id] = answer
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                await self._sockets[bridge].send_str(encode(offer))
                return await answer
        except TimeoutError:
            self._count_miss(bridge)
            return None
        except (ConnectionError, aiohttp.ClientError):
            self._forget(bridge)  # its socket is dead: nobody else is to try it
            return None
        finally:
            del self._answers[offer.id]
            self._matching.settle(bridge, offer.id)

    async def handle_bridge(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one WebSocket, from its hello until it is closed."""
        socket = web.WebSocketResponse(
            heartbeat=self._settings.ping_seconds, max_msg_size=SIGNAL_MESSAGE_MAX + 1, compress=False
        )
        await socket.prepare(request)
        try:
            hello = await _receive(socket, self._settings.hello_seconds)
            if not isinstance(hello, Hello):
                raise MessageError("type", "must be hello at first")
            if hello.capacity:
                await self._serve_bridge(socket, hello)
            else:
                await self._serve_probe(socket)
        except MessageError as error:
            reason = str(error).encode()[:_REASON_MAX]
            await socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=reason)
        except (TimeoutError, ConnectionError, aiohttp.ClientError, EOFError):
            await socket.close()
        return socket

    async def _serve_bridge(self, socket: web.WebSocketResponse, hello: Hello) -> None:
        name = secrets.token_urlsafe(12)
        if not self._matching.join(name, hello.capacity):
            await socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER, message=b"the broker is full")
            return
        self._sockets[name] = socket
        self._counters.bridges.inc()
        pings = asyncio.create_task(self._send_pings(socket), name="broker-pings")
        try:
            await socket.send_str(encode(self._welcome()))
            while True:
                self._on_message(name, await _receive(socket, None))
        finally:
            pings.cancel()
            self._forget(name)

    def _forget(self, bridge: str) -> None:
        """A bridge is gone: it is given nothing more, and its offers go to others. Its socket is closed elsewhere."""
        if self._sockets.pop(bridge, None) is not None:
            self._counters.bridges.dec()
            for offer_id in self._matching.leave(bridge):
                self._resolve(offer_id, None)

    async def _serve_probe(self, socket: web.WebSocketResponse) -> None:
        """Send a probe the welcome of a bridge; it is neither matched nor counted."""
        if self._probes >= self._settings.probes_max:
            await socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER, message=b"too many probes")
            return
        self._probes += 1
        try:
            async with asyncio.timeout(self._settings.probe_seconds):
                await socket.send_str(encode(self._welcome()))
                await socket.close()
        finally:
            self._probes -= 1

    def _on_message(self, bridge: str, message: ToBroker) -> None:
        if bridge not in self._sockets:
            return  # it is being closed
        match message:
            case Load(sessions):
                self._matching.report_load(bridge, sessions)
            case NetworkReport(ipv4, ipv6):
                self._matching.report_network(bridge, Network(ipv4, ipv6))
            case Answer(offer_id, sdp):
                # looked up first: an answer that nobody waits for must cost next to nothing
                if self._matching.awaits(bridge, offer_id):
                    answer = self._filter_sdp(check_answer(sdp))
                    self._matching.settle(bridge, offer_id)
                    self._matching.count_answer(bridge)
                    self._resolve(offer_id, answer)
            case Refusal(offer_id):
                if self._matching.settle(bridge, offer_id):
                    self._count_miss(bridge)
                    self._resolve(offer_id, None)
            case Hello():
                raise MessageError("type", "must be hello only once")

    def _resolve(self, offer_id: str, answer: str | None) -> None:
        waiting = self._answers.get(offer_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _count_miss(self, bridge: str) -> None:
        if self._matching.count_miss(bridge):
            self._disconnect(bridge)

    def _disconnect(self, bridge: str) -> None:
        """Close the WebSocket of a bridge that takes no offers, without waiting for it."""
        closing = self._sockets[bridge].close(
            code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=b"offers were refused or left without an answer"
        )
        self._forget(bridge)
        task = asyncio.create_task(closing, name="broker-disconnect")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _send_pings(self, socket: web.WebSocketResponse) -> None:
        ping = encode(Ping())
        while True:
            await asyncio.sleep(self._settings.ping_seconds)
            try:
                await socket.send_str(ping)
            except (ConnectionError, aiohttp.ClientError, RuntimeError):
                return  # the reading side notices as well, and ends the bridge


async def _receive(socket: web.WebSocketResponse, seconds: float | None) -> ToBroker:
    """Return the next message. Without `seconds`, the heartbeat bounds the wait.

    Raises:
        EOFError: the WebSocket is closed.
        MessageError: the message is not in the protocol.
        TimeoutError: nothing came in time.
    """
    message = await socket.receive(timeout=seconds)
    if message.type is aiohttp.WSMsgType.TEXT:
        return decode_to_broker(message.data)
    if message.type is aiohttp.WSMsgType.BINARY:
        raise MessageError("message", "must be text")
    raise EOFError
