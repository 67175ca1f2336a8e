"""A bridge without a browser: stays connected to one broker, and runs a session for each offer.

                WebSocket open              welcome             a session opens
    connecting ────────────────▶ hello ────────────▶ waiting ◀──────────────────▶ helping
        ▲                          │                    │     the last one ends      │
        │ backoff                  │ no welcome         │ closed, silent for too     │
        │                          ▼                    ▼ long, or a bad message     ▼
        └───────────────────── offline ◀───────────────────────────────────────────────

Sessions do not need the broker: they go on while the bridge is offline, and the next broker connection begins with
their number. The bridge in the browser has the same states (web/static/bridge/core.js).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp

from freespan.bridge.own_network import OwnNetwork
from freespan.bridge.session import BridgeSession
from freespan.bridge.settings import BridgeSettings
from freespan.link.asking import FAILURES, watched_connector, watched_requests, watching
from freespan.link.datachannel import KeptEngine
from freespan.link.no_redirects import refuse_redirects
from freespan.link.steady_resolver import SteadyResolver
from freespan.wire.addresses import is_private_url
from freespan.wire.backoff import Backoff
from freespan.wire.causes import Cause
from freespan.wire.errors import LinkError, MessageError, VersionError
from freespan.wire.ice import check_stun, check_turn_servers
from freespan.wire.limits import PROTOCOL_VERSION, SIGNAL_MESSAGE_MAX
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
from freespan.wire.origin import websocket_at_origin

_log = logging.getLogger(__name__)

_OTHER_ORIGIN = "the host leads to another one, which this bridge does not follow: use the URL that the host prints"
_NO_WELCOME = (
    "a WebSocket opens, but no host speaks through it: check the address, or tell whoever runs the host that the server"
    " in front of it must pass WebSockets on"
)


class _Away(NamedTuple):
    """Why the broker is away.

    Attributes:
        code: of `freespan.wire.causes`, or `closed`, `silent`, `no_welcome`, `bad_message`, `version`, `other_origin`.
        log: a phrase for the log.
        detail: one line for a person; empty where there is nothing to say but that it is away.
    """

    code: str
    log: str
    detail: str = ""


@dataclass(frozen=True)
class BridgeStatus:
    """What a bridge does, and what it has done.

    Attributes:
        state: `connecting`, `waiting`, `helping` or `offline`.
        now: sessions that are open.
        total: sessions that have carried data, those that are open included.
        megabytes: what they have passed on in both directions, in whole 10^6 bytes.
        detail: while it is `offline`, one line for a person if it is known what to do; otherwise empty.
        cause: why it is `offline`, as a code for programs; otherwise empty.
        since: when it became `offline`, in seconds since 1970; otherwise 0.
    """

    state: str
    now: int
    total: int
    megabytes: int
    detail: str = ""
    cause: str = ""
    since: float = 0.0


class Bridge:
    """A headless bridge; call `run`.

    Args:
        broker: the broker's base URL, http or https.
        capacity: sessions at a time, 1 to `BRIDGE_CAPACITY_MAX`.
        on_status: called after each change.
        settings: limits and times.
    """

    def __init__(
        self,
        broker: str,
        capacity: int,
        on_status: Callable[[BridgeStatus], None],
        settings: BridgeSettings | None = None,
    ) -> None:
        self._settings = settings or BridgeSettings()
        self._broker = broker
        self._url = f"{broker}/v1/bridge".replace("http", "ws", 1)
        allow_private = self._settings.allow_private
        self._allow_private = is_private_url(broker) if allow_private is None else allow_private
        self._capacity = capacity
        self._on_status = on_status
        self._backoff = Backoff(
            random.random, first=self._settings.first_retry_seconds, longest=self._settings.longest_retry_seconds
        )
        self._sessions: set[BridgeSession] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended_with_data = 0
        self._bytes_of_ended = 0
        self._connection = "connecting"
        self._away = _Away("", "")
        self._offline_since = 0.0
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def run(self) -> None:
        """Help until cancelled. When the broker goes away, connect again, with longer and longer waits."""
        engine = KeptEngine()
        engine.start()  # or each first reader would wait for it
        async with aiohttp.ClientSession(
            connector=watched_connector(SteadyResolver()),
            trace_configs=[watched_requests()],
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(refuse_redirects,),
            skip_auto_headers=("User-Agent",),
        ) as http:
            try:
                while True:
                    away = await self._stay_connected(http)
                    wait = self._backoff.failed()
                    _log.info("broker connection lost: %s; next attempt in %.0f s", away.log, wait)
                    self._set_connection("offline", away)
                    await asyncio.sleep(wait)
            finally:
                await self._end_sessions()
                engine.close()

    # --- the broker --------------------------------------------------------------------------
    async def _open_socket(self, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse | Cause:
        """A WebSocket to the broker, or why there is none."""
        with watching() as attempt:
            try:
                async with asyncio.timeout(self._settings.connect_seconds):
                    return await http.ws_connect(
                        self._url,
                        max_msg_size=SIGNAL_MESSAGE_MAX + 1,
                        compress=0,
                        timeout=aiohttp.ClientWSTimeout(ws_close=self._settings.close_seconds),
                    )
            except FAILURES as error:
                return await attempt.cause_of(error, http, f"{self._broker}/v1/bridge", asker="volunteer")

    async def _stay_connected(self, http: aiohttp.ClientSession) -> _Away:
        """Make one connection to the broker and serve its offers until it ends; returns why it ended."""
        socket = await self._open_socket(http)
        if isinstance(socket, Cause):
            return _Away(socket.code, socket.sentence, str(socket))
        is_welcome = False
        try:
            await socket.send_str(encode(Hello(PROTOCOL_VERSION, self._capacity)))
            welcome = await _receive(socket, self._settings.welcome_seconds)
            if not isinstance(welcome, Welcome):
                return _Away("no_welcome", "its first message was not a welcome", _NO_WELCOME)
            check_stun(welcome.ice_servers, allow_private=self._allow_private)
            try:
                egress = websocket_at_origin(self._broker, welcome.egress)
            except MessageError as error:
                await socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=str(error).encode())
                return _Away("other_origin", _OTHER_ORIGIN, _OTHER_ORIGIN)
            is_welcome = True
            self._backoff.succeeded()
            self._socket = socket
            if self._sessions:
                await self._report_load()  # sessions that have outlived the last connection
            self._set_connection("waiting")
            async with self._watching_network(welcome) as network:
                while True:
                    message = await _receive(socket, self._settings.silence_seconds)
                    if isinstance(message, Offer):
                        await self._on_offer(http, socket, egress, network, message)
        except EOFError:
            return _Away("closed", "it closed the connection")
        except TimeoutError:
            return _Away("silent", "it was silent for too long", "" if is_welcome else _NO_WELCOME)
        except VersionError:
            return _Away("version", "it speaks another version", "the host speaks another version: update freespan")
        except (MessageError, ConnectionError, aiohttp.ClientError):
            text = "it sent a message that is not in the protocol"
            return _Away("bad_message", text, "" if is_welcome else _NO_WELCOME)
        finally:
            self._socket = None
            await socket.close()

    @contextlib.asynccontextmanager
    async def _watching_network(self, welcome: Welcome) -> AsyncIterator[OwnNetwork]:
        """Keep the broker informed about this bridge's network while the block runs."""

        async def report(found: Network) -> None:
            await self._send(self._socket, NetworkReport(found.ipv4, found.ipv6))

        network = OwnNetwork(welcome.ice_servers, report, self._settings.survey_seconds)
        watching = asyncio.create_task(network.keep_up_to_date(), name="bridge-network")
        try:
            yield network
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse | None, message: ToBroker) -> None:
        """Send a message if the broker is still there; if it is gone, it has forgotten this bridge anyway."""
        if socket is None:
            return
        try:
            async with asyncio.timeout(self._settings.send_seconds):
                await socket.send_str(encode(message))
        except (TimeoutError, ConnectionError, aiohttp.ClientError, RuntimeError):
            pass

    async def _report_load(self) -> None:
        """Report to the current broker connection, which need not be the one that the offer came from."""
        await self._send(self._socket, Load(len(self._sessions)))

    # --- sessions ----------------------------------------------------------------------------
    async def _on_offer(
        self,
        http: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
        egress: str,
        network: OwnNetwork,
        offer: Offer,
    ) -> None:
        """Run a session in a task of its own, or refuse. Raises `MessageError` for forbidden TURN servers."""
        turn = check_turn_servers(offer.ice_servers, allow_private=self._allow_private)
        if len(self._sessions) >= self._capacity:
            await self._send(socket, Refusal(offer.id, "full"))
            return
        try:
            session = BridgeSession(
                http, egress, network.servers, turn, allow_private=self._allow_private, settings=self._settings
            )
        except LinkError as error:
            await self._send(socket, Refusal(offer.id, str(error)))
            return
        self._sessions.add(session)
        task = asyncio.create_task(self._run_session(session, socket, network, offer), name="bridge-offer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_session(
        self,
        session: BridgeSession,
        socket: aiohttp.ClientWebSocketResponse,
        network: OwnNetwork,
        offer: Offer,
    ) -> None:
        try:
            # The load goes before the answer, so that the broker never takes this place for a free one.
            await self._report_load()
            answer = await session.answer(offer.sdp)
            await self._send(socket, Answer(offer.id, answer))
            network.check(answer)
            reason = await session.run(self._publish)
            _log.debug("a session ended: %s", reason)  # what is logged may be kept, and this counts readers
        except LinkError as error:
            await self._send(socket, Refusal(offer.id, str(error)))
        finally:
            self._sessions.discard(session)
            if session.bytes_passed:
                self._ended_with_data += 1
                self._bytes_of_ended += session.bytes_passed
            self._publish()
            await self._report_load()

    async def _end_sessions(self) -> None:
        for session in list(self._sessions):
            session.end("the bridge is stopping")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._settings.stop_seconds)

    # --- status ------------------------------------------------------------------------------
    def _set_connection(self, state: str, away: _Away | None = None) -> None:
        self._connection, self._away = state, away or _Away("", "")
        if away is None:
            self._offline_since = 0.0
        else:
            self._offline_since = self._offline_since or time.time()
        self._publish()

    def _publish(self) -> None:
        open_sessions = sum(session.is_open for session in self._sessions)
        total = self._ended_with_data + sum(1 for session in self._sessions if session.bytes_passed)
        passed = self._bytes_of_ended + sum(session.bytes_passed for session in self._sessions)
        state = "helping" if open_sessions else self._connection
        away, since = (self._away, self._offline_since) if state == "offline" else (_Away("", ""), 0.0)
        self._on_status(BridgeStatus(state, open_sessions, total, passed // 1_000_000, away.detail, away.code, since))


async def _receive(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> ToBridge:
    """Return the next message.

    Raises:
        EOFError: the WebSocket is closed.
        MessageError: the message is not in the protocol.
        TimeoutError: nothing came in time.
    """
    message = await socket.receive(timeout=seconds)
    if message.type is aiohttp.WSMsgType.TEXT:
        return decode_to_bridge(message.data)
    if message.type is aiohttp.WSMsgType.BINARY:
        raise MessageError("message", "must be text")
    raise EOFError
