"""WebSocket `/v1/bridge`: where bridges and probes connect to the broker.

    connected ──┬─ hello, capacity above 0 ──▶ joined: gets offers, sends load, network, answers and refusals
                ├─ hello, capacity 0 ────────▶ probe: gets its welcome, and is closed
                └─ no hello in time, or a bad message ──▶ closed

    joined ──┬─ closed by the bridge, or no pong ──▶ gone: its pending offers go to other bridges
             └─ a bad message, or too many misses in a row ──▶ closed with 1008, and gone

A miss is an offer that the bridge refused, or did not answer in time (matching.py tells which count).

Pings notice a bridge that is gone without a close (bridge_pings.py). docs/protocol/signalling.md describes the
messages.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from enum import Enum

import aiohttp
from aiohttp import web

from freespan.broker.bridge_directory import BridgeDirectory
from freespan.broker.bridge_pings import BridgePings
from freespan.broker.bridge_socket import BridgeSocket, accept_bridge, text_frame
from freespan.broker.matching import Matching
from freespan.broker.responses import ProblemError, problem_response, too_many_requests
from freespan.broker.settings import BrokerSettings
from freespan.observe.counters import HostCounters
from freespan.observe.ledger import Account
from freespan.sources.rate import RateBudgets
from freespan.sources.requests import SourceReader
from freespan.sources.shares import Shares
from freespan.sources.source import Source
from freespan.wire.errors import MessageError
from freespan.wire.messages import (
    Answer,
    Hello,
    Load,
    NetworkReport,
    Offer,
    Refusal,
    ToBroker,
    Welcome,
    encode_bytes,
)
from freespan.wire.network import Network
from freespan.wire.sdp import Filtered, check_answer, check_passable

_BRIDGE_COST = 5_000
"""Bytes that a bridge takes which waits for readers, beside its connection."""


class NoAnswer(Enum):
    """Why an offer has no answer."""

    REFUSED = "the bridge refused it"
    NONE_CAME = "the bridge left it without an answer in time, or is gone"


class BridgeSignalling:
    """The WebSockets of all bridges, and the offers that wait for an answer.

    `welcome` is asked whenever a bridge joins, with its token, or a probe, without one; `filter_sdp` takes out of an
    answer what the client must not be given.
    """

    def __init__(
        self,
        matching: Matching,
        welcome: Callable[[str], Welcome],
        counters: HostCounters,
        settings: BrokerSettings,
        filter_sdp: Callable[[str], Filtered],
        sources: SourceReader,
        account: Account,
        bridges: BridgeDirectory,
    ) -> None:
        self._account = account
        self._matching = matching
        self._welcome = welcome
        self._counters = counters
        self._settings = settings
        self._filter_sdp = filter_sdp
        self._sources = sources
        self._directory = bridges
        self._joins = RateBudgets(settings.joins_of_host, settings.joins_of_network)
        self._offences = RateBudgets(settings.offences_of_host, settings.offences_of_network)
        self._bridges = Shares[str](
            settings.bridges_max, newcomers=settings.bridges_for_newcomers, places=settings.bridge_places
        )
        self._probes = Shares[BridgeSocket](
            settings.probes_max, newcomers=settings.probes_for_newcomers, places=settings.probe_places
        )
        self._sockets: dict[str, BridgeSocket] = {}
        self._answers: dict[str, asyncio.Future[Filtered | NoAnswer]] = {}
        self._pings = BridgePings(settings.ping_seconds, self._forget)
        self._closing: set[asyncio.Task[None]] = set()
        self._to_forgive: set[str] = set()
        """Bridges whose misses are forgotten after a while."""

    def routes(self) -> list[web.RouteDef]:
        """The route for bridges."""
        return [web.get("/v1/bridge", self.handle_bridge)]

    async def ask(self, bridge: str, offer: Offer) -> Filtered | NoAnswer:
        """Send an offer to the bridge that it is assigned to, and return the answer.

        If there is none, the caller decides whether that is a miss.
        """
        socket = self._sockets[bridge]
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Filtered | NoAnswer] = loop.create_future()
        self._answers[offer.id] = answer
        too_late = loop.call_later(self._settings.answer_seconds, self._resolve, offer.id, NoAnswer.NONE_CAME)
        try:
            socket.allow(self._settings.messages_per_offer)
            socket.send(text_frame(encode_bytes(offer)))
            return await answer
        except ConnectionError:
            self._forget(bridge)  # nobody else is to try it
            return NoAnswer.NONE_CAME
        finally:
            too_late.cancel()
            del self._answers[offer.id]
            self._matching.settle(bridge, offer.id)

    def count_miss(self, bridge: str, network: bytes | None, *, is_refusal: bool = False) -> None:
        """A bridge has given no answer to somebody from a network. Nothing happens if it is gone."""
        if bridge in self._sockets and bridge not in self._to_forgive:
            self._to_forgive.add(bridge)
            asyncio.get_running_loop().call_later(self._settings.miss_seconds, self._forgive, bridge)
        if self._matching.count_miss(bridge, network, is_refusal=is_refusal) and bridge in self._sockets:
            reason = "offers were refused or left without an answer"
            self._disconnect(bridge, aiohttp.WSCloseCode.POLICY_VIOLATION, reason)

    def _forgive(self, bridge: str) -> None:
        self._to_forgive.discard(bridge)
        self._matching.forget_misses(bridge)

    async def handle_bridge(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket, from its hello until it is closed."""
        source = self._sources.source_of(request)
        try:
            self._check_budgets(source)
        except ProblemError as error:
            return problem_response(error, self._settings.retry_after_seconds)
        response, socket = await accept_bridge(request, self._settings)
        try:
            hello = await socket.receive(self._settings.hello_seconds)
            if not isinstance(hello, Hello):
                raise MessageError("type", "must be hello at first")
            if hello.capacity:
                await self._serve_bridge(socket, hello, self._sources.lasting_source_of(request))
            else:
                await self._serve_probe(socket, source)
        except MessageError as error:
            self._offences.take(source, asyncio.get_running_loop().time())
            await socket.close(aiohttp.WSCloseCode.POLICY_VIOLATION, str(error))
        except (TimeoutError, ConnectionError, aiohttp.ClientError, EOFError):
            await socket.close()
        return response

    def _check_budgets(self, source: Source | None) -> None:
        now = asyncio.get_running_loop().time()
        wait = self._offences.wait(source, now)
        if wait == 0.0 and not self._joins.take(source, now):
            wait = self._joins.wait(source, now)
        if wait:
            raise too_many_requests(wait)

    async def _serve_bridge(self, socket: BridgeSocket, hello: Hello, source: Source | None) -> None:
        if not self._account.has_room(_BRIDGE_COST):
            await socket.close(aiohttp.WSCloseCode.TRY_AGAIN_LATER, "the broker is full")
            return
        name = secrets.token_urlsafe(12)
        self._sockets[name] = socket
        self._account.report(len(self._sockets) * _BRIDGE_COST)
        self._matching.join(name, hello.capacity, source)
        token = self._directory.join(name, hello.capacity, source)
        self._counters.bridges.inc()
        self._pings.add(name, socket)
        try:
            superfluous = self._bridges.add(name, source)
            if superfluous is not None:
                self._disconnect(superfluous, aiohttp.WSCloseCode.TRY_AGAIN_LATER, "the broker is full")
            if name in self._sockets:
                socket.send(text_frame(encode_bytes(self._welcome(token))))
            while True:
                frame = await socket.next_frame()
                message = await socket.understand(frame)
                if message is not None:
                    self._on_message(name, message)
        finally:
            self._forget(name)

    def _forget(self, bridge: str) -> None:
        """A bridge is gone: it is given nothing more, and its offers go to others. Its socket is closed elsewhere."""
        if self._sockets.pop(bridge, None) is not None:
            self._counters.bridges.dec()
            self._account.report(len(self._sockets) * _BRIDGE_COST)
            self._bridges.discard(bridge)
            self._pings.discard(bridge)
            self._directory.leave(bridge)
            for offer_id in self._matching.leave(bridge):
                self._resolve(offer_id, NoAnswer.NONE_CAME)

    async def _serve_probe(self, socket: BridgeSocket, source: Source | None) -> None:
        """Send a probe the welcome of a bridge; it is neither matched nor counted."""
        superfluous = self._probes.add(socket, source)
        if superfluous is socket:
            await socket.close(aiohttp.WSCloseCode.TRY_AGAIN_LATER, "too many probes")
            return
        if superfluous is not None:
            superfluous.abort()  # it has its welcome, and is about to be closed
        try:
            async with asyncio.timeout(self._settings.probe_seconds):
                socket.send(text_frame(encode_bytes(self._welcome(""))))
                await socket.close()
        finally:
            self._probes.discard(socket)

    def _on_message(self, bridge: str, message: ToBroker) -> None:
        if bridge not in self._sockets:
            return  # it is being closed
        match message:
            case Load(sessions):
                self._matching.report_load(bridge, sessions)
            case NetworkReport(ipv4, ipv6):
                self._matching.report_network(bridge, Network(ipv4, ipv6))
            case Answer(offer_id) | Refusal(offer_id) if not self._matching.awaits(bridge, offer_id):
                # Looked up first: an answer that nobody waits for must cost next to nothing. It may be late.
                self._sockets[bridge].charge(self._settings.unknown_offer_messages)
            case Answer(offer_id, sdp):
                answer = check_passable("answer", self._filter_sdp(check_answer(sdp)))
                self._matching.settle(bridge, offer_id)
                self._matching.count_answer(bridge)
                self._resolve(offer_id, answer)
            case Refusal(offer_id):
                self._matching.settle(bridge, offer_id)
                self._resolve(offer_id, NoAnswer.REFUSED)
            case Hello():
                raise MessageError("type", "must be hello only once")

    def _resolve(self, offer_id: str, answer: Filtered | NoAnswer) -> None:
        waiting = self._answers.get(offer_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _disconnect(self, bridge: str, code: int, reason: str) -> None:
        """Close the WebSocket of a bridge, which is given nothing more, without waiting for the other end."""
        socket = self._sockets[bridge]
        self._forget(bridge)
        task = asyncio.create_task(socket.close(code, reason), name="broker-disconnect")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
