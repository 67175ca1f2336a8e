"""The broker's doors: `POST /v1/rendezvous` and `GET /v1/turn` for clients, WebSocket `/v1/bridge` for bridges; and
`GET /v1/countries` for anybody (live_picture.py).

What is said there is in docs/protocol.md.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence

import aiohttp
from aiohttp import web

from freespan.broker.live_picture import LivePicture
from freespan.broker.matching import Matching
from freespan.broker.turn import TurnServers
from freespan.observe.counters import HostCounters
from freespan.wire.errors import MessageError, VersionError
from freespan.wire.limits import (
    ANSWER_SECONDS,
    HELLO_SECONDS,
    LOOK_SECONDS,
    LOOKERS_MAX,
    PING_SECONDS,
    PROTOCOL_VERSION,
    RENDEZVOUS_BODY_MAX,
    RENDEZVOUS_SECONDS,
    RENDEZVOUS_UNDER_WAY_MAX,
    RETRY_AFTER_SECONDS,
    SIGNAL_MESSAGE_MAX,
)
from freespan.wire.messages import (
    Answer,
    Hello,
    IceServer,
    Load,
    NetworkReport,
    Offer,
    Ping,
    Problem,
    Refusal,
    RendezvousAnswer,
    RendezvousRequest,
    ToBroker,
    TurnCredentials,
    Welcome,
    decode_rendezvous_request,
    decode_to_broker,
    encode,
)
from freespan.wire.network import Network
from freespan.wire.sdp import check_answer, check_offer, passable

_BODY_SECONDS = 10.0
_NO_FIT = "no bridge can be reached from this kind of network without a relay"


class _RefusalError(Exception):
    """A problem to send instead of an answer."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(f"urn:freespan:problem:{code}", code.replace("_", " "), status, detail, field)


class Broker:
    """State and handlers of one broker.

    `egress_url` and `stun` are asked when a bridge joins, since the ports may be known late; each of the STUN servers
    is one entry with its ports. `turn_servers` are the host's, if any. `hides_private` tells whether private addresses
    are left out of offers and answers: on the open internet they lead into the other side's own network.
    `picture` is told of each reader who was given a bridge.
    """

    def __init__(
        self,
        egress_url: Callable[[], str],
        counters: HostCounters,
        stun: Callable[[], Sequence[IceServer]] = tuple,
        turn_servers: TurnServers | None = None,
        picture: LivePicture | None = None,
        *,
        hides_private: Callable[[], bool] = lambda: False,
    ) -> None:
        self._egress_url = egress_url
        self._hides_private = hides_private
        self._counters = counters
        self._stun = stun
        self._turn_servers = turn_servers
        self._picture = picture or LivePicture()
        self._matching = Matching(secrets.randbelow)
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._answers: dict[str, asyncio.Future[str | None]] = {}
        self._under_way = 0
        self._lookers = 0
        self._farewells: set[asyncio.Task[bool]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The doors."""
        return [
            web.post("/v1/rendezvous", self.handle_rendezvous),
            web.options("/v1/rendezvous", _handle_preflight),
            web.get("/v1/turn", self.handle_relays),
            web.get("/v1/bridge", self.handle_bridge),
            *self._picture.routes(),
        ]

    # --- clients -----------------------------------------------------------------------------
    async def handle_rendezvous(self, request: web.Request) -> web.Response:
        """One request, one answer."""
        try:
            body = await _read_body(request)  # who sends none takes no place
            if self._under_way >= RENDEZVOUS_UNDER_WAY_MAX:
                raise _RefusalError(503, "busy", "the broker is busy: ask again in a moment")
            asked = _decoded(body)
            self._under_way += 1
            try:
                answer = await self._rendezvous(asked)
            finally:
                self._under_way -= 1
        except _RefusalError as refusal:
            self._counters.rendezvous.labels(refusal.problem.code).inc()
            return _problem_response(refusal.problem)
        self._counters.rendezvous.labels("answered").inc()
        self._picture.saw(request, asked.offer)
        return web.Response(text=encode(answer), content_type="application/json", headers=_CORS)

    async def handle_relays(self, request: web.Request) -> web.Response:
        """The host's relays, with credentials that are good for a while; an empty list where it has none."""
        text = encode(TurnCredentials(PROTOCOL_VERSION, self._fresh_relays()))
        # credentials in a cache would be somebody else's, and perhaps no longer good
        headers = _CORS | {"Cache-Control": "no-store"}
        return web.Response(text=text, content_type="application/json", headers=headers)

    async def _rendezvous(self, request: RendezvousRequest) -> RendezvousAnswer:
        offer = self._passed_on(request.offer)
        tried: set[str] = set()
        try:
            async with asyncio.timeout(RENDEZVOUS_SECONDS):
                while (answer := await self._ask_a_bridge(offer, request, tried)) is None:
                    pass
                return answer
        except TimeoutError:
            raise _RefusalError(504, "bridge_timeout", "no bridge answered in time: ask again") from None

    async def _ask_a_bridge(self, offer: str, request: RendezvousRequest, tried: set[str]) -> RendezvousAnswer | None:
        """The answer of one bridge, or None when it did not give one; raises `_RefusalError` when none is left."""
        if request.extra and not self._matching.has_plenty:
            raise _RefusalError(503, "no_bridge", "the free bridges are kept for those who have none")
        offer_id = secrets.token_urlsafe(12)
        avoid = frozenset(request.avoid)
        bridge = self._matching.assign(offer_id, tried, request.network, avoid, relayed=self._turn_servers is not None)
        if bridge is None and tried:
            raise _RefusalError(504, "bridge_timeout", "no bridge answered in time: ask again")
        if bridge is None and self._matching.has_room(avoid):
            raise _RefusalError(503, "no_reachable_bridge", _NO_FIT)
        if bridge is None:
            raise _RefusalError(503, "no_bridge", "no bridge is free right now: ask again in a moment")
        tried.add(bridge)
        waiter = self._answers[offer_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                relays = self._fresh_relays() if self._matching.needs_relay(bridge, request.network) else []
                await self._sockets[bridge].send_str(encode(Offer(offer_id, offer, relays)))
                answer: str | None = await waiter
                return None if answer is None else RendezvousAnswer(PROTOCOL_VERSION, answer, bridge)
        except (TimeoutError, ConnectionError, aiohttp.ClientError):
            if self._matching.missed(bridge):
                self._send_away(bridge)
            return None
        finally:
            del self._answers[offer_id]
            self._matching.settle(bridge, offer_id)

    # --- bridges -----------------------------------------------------------------------------
    async def handle_bridge(self, request: web.Request) -> web.WebSocketResponse:
        """One bridge, from hello until it goes."""
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=SIGNAL_MESSAGE_MAX + 1, compress=False)
        await socket.prepare(request)
        try:
            hello = await self._receive(socket, HELLO_SECONDS)
            if not isinstance(hello, Hello):
                raise MessageError("type", "must be hello at first")
            if hello.capacity:
                await self._serve_bridge(socket, hello)
            else:
                await self._serve_looker(socket)
        except MessageError as error:
            await socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=str(error).encode()[:120])
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
        pings = asyncio.create_task(_send_pings(socket), name="broker-pings")
        try:
            await socket.send_str(encode(self._welcome()))
            while True:
                self._heard(name, await self._receive(socket, None))
        finally:
            pings.cancel()
            self._counters.bridges.dec()
            del self._sockets[name]
            for offer_id in self._matching.leave(name):
                self._settle(offer_id, None)

    async def _serve_looker(self, socket: web.WebSocketResponse) -> None:
        """One that only looks is told what a bridge is told, and is no bridge: neither matched nor counted."""
        if self._lookers >= LOOKERS_MAX:
            await socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER, message=b"too many are looking")
            return
        self._lookers += 1
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await socket.send_str(encode(self._welcome()))
                await socket.close()
        finally:
            self._lookers -= 1

    def _welcome(self) -> Welcome:
        return Welcome(self._egress_url(), list(self._stun()))

    async def _receive(self, socket: web.WebSocketResponse, seconds: float | None) -> ToBroker:
        """The next message; raises `EOFError` at the end. Without `seconds` the heartbeat bounds the wait."""
        message = await socket.receive(timeout=seconds)
        if message.type is aiohttp.WSMsgType.TEXT:
            return decode_to_broker(message.data)
        if message.type is aiohttp.WSMsgType.BINARY:
            raise MessageError("message", "must be text")
        raise EOFError

    def _heard(self, bridge: str, message: ToBroker) -> None:
        match message:
            case Load(serving):
                self._matching.report(bridge, serving)
            case NetworkReport(ipv4, ipv6):
                self._matching.report_network(bridge, Network(ipv4, ipv6))
            case Answer(offer_id, sdp):
                answer = self._passed_on(check_answer(sdp))
                if self._matching.settle(bridge, offer_id):
                    self._matching.answered(bridge)
                    self._settle(offer_id, answer)
            case Refusal(offer_id):
                if self._matching.settle(bridge, offer_id):
                    self._settle(offer_id, None)
            case Hello():
                raise MessageError("type", "must be hello only once")

    def _send_away(self, bridge: str) -> None:
        reason = b"offers were left without an answer"
        closing = self._sockets[bridge].close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=reason)
        task = asyncio.create_task(closing, name="broker-send-away")
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    def _fresh_relays(self) -> list[IceServer]:
        return self._turn_servers.credentials(time.time()) if self._turn_servers is not None else []

    def _passed_on(self, sdp: str) -> str:
        return passable(sdp, allow_private=not self._hides_private())

    def _settle(self, offer_id: str, answer: str | None) -> None:
        waiter = self._answers.get(offer_id)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)


async def _send_pings(socket: web.WebSocketResponse) -> None:
    ping = encode(Ping())
    while True:
        await asyncio.sleep(PING_SECONDS)
        try:
            await socket.send_str(ping)
        except (ConnectionError, aiohttp.ClientError, RuntimeError):
            return  # the reading side notices and ends the bridge


def _decoded(body: bytes) -> RendezvousRequest:
    """A request with a checked offer."""
    try:
        request = decode_rendezvous_request(body)
        check_offer(request.offer)
        return request
    except MessageError as error:
        code = "version" if isinstance(error, VersionError) else "bad_request"
        raise _RefusalError(400, code, str(error), error.field) from None


async def _read_body(request: web.Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.content.iter_chunked(RENDEZVOUS_BODY_MAX):
                body += chunk
                if len(body) > RENDEZVOUS_BODY_MAX:
                    raise _RefusalError(413, "too_large", f"the request is longer than {RENDEZVOUS_BODY_MAX} bytes")
    except TimeoutError:
        raise _RefusalError(408, "bad_request", "the request did not arrive in time") from None
    except web.RequestPayloadError:
        raise _RefusalError(400, "bad_request", "the request is cut or wrongly encoded", "message") from None
    return bytes(body)


# A rendezvous holds no secret of the page that sends it: any origin may ask, as any program may.
_CORS = {"Access-Control-Allow-Origin": "*"}


async def _handle_preflight(request: web.Request) -> web.Response:
    return web.Response(status=204, headers=_CORS | {"Access-Control-Allow-Headers": "Content-Type"})


def _problem_response(problem: Problem) -> web.Response:
    headers = dict(_CORS)
    if problem.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return web.Response(
        status=problem.status, text=encode(problem), content_type="application/problem+json", headers=headers
    )
