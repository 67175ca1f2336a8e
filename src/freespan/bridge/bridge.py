"""A volunteer without a browser: stays with a broker, takes its offers, runs one session for each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp

from freespan.bridge.own_network import OwnNetwork
from freespan.bridge.session import Session
from freespan.link.no_redirects import refuse_redirects
from freespan.wire.addresses import is_private_url
from freespan.wire.backoff import Backoff
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.ice import check_stun, check_turn_servers
from freespan.wire.limits import HELLO_SECONDS, PROTOCOL_VERSION, SIGNAL_MESSAGE_MAX, SILENCE_SECONDS
from freespan.wire.messages import (
    Answer,
    Hello,
    Load,
    NetworkReport,
    Offer,
    Refusal,
    ToBridge,
    ToBroker,
    Welcome,
    decode_to_bridge,
    encode,
)
from freespan.wire.network import Network

_STOP_SECONDS = 3.0
_CLOSE_SECONDS = 1.0
_SAY_SECONDS = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BridgeStatus:
    """`state` is connecting, waiting, helping or offline; `now` and `total` count sessions, `megabytes` 10^6 bytes."""

    state: str
    now: int
    total: int
    megabytes: int


class Bridge:
    """`broker` is its base URL (http or https); `on_status` hears of each change."""

    def __init__(
        self, broker: str, capacity: int, on_status: Callable[[BridgeStatus], None], *, first_retry: float = 0.5
    ) -> None:
        self._url = f"{broker}/v1/bridge".replace("http", "ws", 1)
        self._allow_private = is_private_url(broker)
        self._capacity = capacity
        self._on_status = on_status
        self._backoff = Backoff(random.random, first=first_retry)
        self._sessions: set[Session] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._total = 0
        self._passed_before = 0
        self._connection = "connecting"
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def run(self) -> None:
        """Help until cancelled; a broker that goes away is asked again, later and later."""
        async with aiohttp.ClientSession(middlewares=(refuse_redirects,), skip_auto_headers=("User-Agent",)) as http:
            try:
                while True:
                    reason = await self._stay(http)
                    wait = self._backoff.failed()
                    _log.info("no broker: %s; next try in %.0f s", reason, wait)
                    self._set_connected("offline")
                    await asyncio.sleep(wait)
            finally:
                await self._end_sessions()

    async def _stay(self, http: aiohttp.ClientSession) -> str:
        """One connection to the broker, until it ends; returns why."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                socket = await http.ws_connect(
                    self._url,
                    max_msg_size=SIGNAL_MESSAGE_MAX + 1,
                    compress=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                )
        except (TimeoutError, aiohttp.ClientError, OSError):
            return "it cannot be reached"
        try:
            await socket.send_str(encode(Hello(PROTOCOL_VERSION, self._capacity)))
            welcome = await self._receive(socket, HELLO_SECONDS)
            if not isinstance(welcome, Welcome):
                return "it did not say welcome"
            check_stun(welcome.ice_servers, allow_private=self._allow_private)
            self._backoff.succeeded()
            self._socket = socket
            if self._sessions:
                await self._tell_load()  # of sessions that have outlived the broker's last connection
            self._set_connected("waiting")
            async with _knowing_the_network(socket, welcome) as network:
                while True:
                    message = await self._receive(socket, SILENCE_SECONDS)
                    if isinstance(message, Offer):
                        await self._take(http, socket, welcome.egress, network, message)
        except EOFError:
            return "it closed the connection"
        except TimeoutError:
            return "it was silent for too long"
        except (MessageError, ConnectionError, aiohttp.ClientError):
            return "it said something that is not in the protocol"
        finally:
            self._socket = None
            await socket.close()

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, seconds: float) -> ToBridge:
        message = await socket.receive(timeout=seconds)
        if message.type is aiohttp.WSMsgType.TEXT:
            return decode_to_bridge(message.data)
        if message.type is aiohttp.WSMsgType.BINARY:
            raise MessageError("message", "must be text")
        raise EOFError

    async def _take(
        self,
        http: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
        egress: str,
        network: OwnNetwork,
        offer: Offer,
    ) -> None:
        """Serve an offer in a task of its own, or refuse it. Raises `MessageError` for relays that it may not name."""
        relays = check_turn_servers(offer.ice_servers, allow_private=self._allow_private)
        if len(self._sessions) >= self._capacity:
            await _say(socket, Refusal(offer.id, "full"))
            return
        try:
            session = Session(http, egress, network.servers, relays, allow_private=self._allow_private)
        except LinkError as error:
            await _say(socket, Refusal(offer.id, str(error)))
            return
        self._sessions.add(session)
        task = asyncio.create_task(self._serve(session, socket, network, offer), name="bridge-offer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, session: Session, socket: aiohttp.ClientWebSocketResponse, network: OwnNetwork, offer: Offer
    ) -> None:
        try:
            # the load before the answer, so that the broker never counts this place as free
            await self._tell_load()
            answer = await session.answer(offer.sdp)
            await _say(socket, Answer(offer.id, answer))
            network.check(answer)
            reason = await session.run(self._publish)
            _log.info("a session ended: %s", reason)
        except LinkError as error:
            await _say(socket, Refusal(offer.id, str(error)))
        finally:
            self._sessions.discard(session)
            if session.bytes_passed:
                self._total += 1
                self._passed_before += session.bytes_passed
            self._publish()
            await self._tell_load()

    async def _tell_load(self) -> None:
        """To the broker of now, which may not be the one that sent the offer."""
        if self._socket is not None:
            await _say(self._socket, Load(len(self._sessions)))

    async def _end_sessions(self) -> None:
        for session in list(self._sessions):
            session.end("the bridge is stopping")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)

    def _set_connected(self, state: str) -> None:
        self._connection = state
        self._publish()

    def _publish(self) -> None:
        carrying = [session for session in self._sessions if session.is_open]
        passed = self._passed_before + sum(session.bytes_passed for session in self._sessions)
        total = self._total + sum(1 for session in self._sessions if session.bytes_passed)
        state = "helping" if carrying else self._connection
        self._on_status(BridgeStatus(state, len(carrying), total, passed // 1_000_000))


@contextlib.asynccontextmanager
async def _knowing_the_network(socket: aiohttp.ClientWebSocketResponse, welcome: Welcome) -> AsyncIterator[OwnNetwork]:
    """Find out about this bridge's network beside all else, and tell the broker, for the length of the block."""

    async def tell(found: Network) -> None:
        await _say(socket, NetworkReport(found.ipv4, found.ipv6))

    network = OwnNetwork(welcome.ice_servers, tell)
    keeping = asyncio.create_task(network.keep(), name="bridge-network")
    try:
        yield network
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _say(socket: aiohttp.ClientWebSocketResponse, message: ToBroker) -> None:
    """Tell the broker, if it is still there; if not, it has forgotten us anyway."""
    try:
        async with asyncio.timeout(_SAY_SECONDS):
            await socket.send_str(encode(message))
    except (TimeoutError, ConnectionError, aiohttp.ClientError, RuntimeError):
        pass
