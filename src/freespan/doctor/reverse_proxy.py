"""Looks at what stands between a host and everybody else: does it pass on what it gets, unchanged and at once?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp

from freespan.doctor.findings import Finding, bad, good, note
from freespan.doctor.server import Server, finding_of
from freespan.wire.causes import (
    CUT,
    LENGTH_REQUIRED,
    NO_HOST,
    NO_UPGRADE,
    NOT_FOUND,
    NOT_OPENED,
    TOO_LARGE,
    TOO_MANY,
    Cause,
    cause,
    cause_of_status,
)
from freespan.wire.errors import MessageError
from freespan.wire.limits import PROTOCOL_VERSION, RENDEZVOUS_BODY_MAX, SIGNAL_MESSAGE_MAX
from freespan.wire.messages import Hello, Problem, Welcome, decode_problem, decode_to_bridge, encode

HEALTH, TRICKLE = "/v1/health", "/v1/trickle"
_BRIDGE, _EGRESS, _RENDEZVOUS = "/v1/bridge", "/v1/egress", "/v1/rendezvous"
_CHUNKS = 8
_SHORT = 64
_TRICKLE_TRIES = 2
"""A machine that is busy may read both parts together once."""
_PAUSE_MIN = 0.2
"""Seconds; a host pauses for 0.7."""
_OCTETS = {"Content-Type": "application/octet-stream"}
_TELL_PATH = "pass the host's path on as it is (nginx: no path behind proxy_pass http://…:port)"
_TELL_SIZE = "let it take 64 KiB at least (nginx: client_max_body_size; Caddy: request_body)"
_TELL_UPGRADE = (
    "let it pass Upgrade on (nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and Connection"
    ' "upgrade"; Apache: upgrade=websocket behind ProxyPass)'
)
_TELL_AT_ONCE = "let the server in front pass WebSockets on at once: it must not buffer them, nor look into them"
_TELL_BUFFER = "switch that off (nginx: proxy_buffering off; Caddy: flush_interval -1)"
_TELL_QUIET = "let it wait for 60 s at least (nginx: proxy_read_timeout; HAProxy: timeout tunnel)"


class ReverseProxy:
    """What is asked at one URL of a host, with its path."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = server.http
        self._settings = server.settings
        self._url = server.url
        self.welcome: Welcome | None = None
        """What the broker tells bridges, once `look_at_signalling` has asked."""

    @property
    def seconds_of_quiet(self) -> float:
        """How long `look_at_quiet` may take."""
        return self._settings.quiet_seconds + self._settings.answer_seconds

    # --- the path ---------------------------------------------------------------------------------
    async def look_at_path(self) -> Finding:
        """Whether the host itself answers below this URL."""
        answer = await self._server.ask(lambda: self._get(f"{self._url}{HEALTH}"))
        if isinstance(answer, Cause):
            return finding_of(answer)
        status, headers, body = answer
        if status == 200 and _is_health(body):
            return good("the host answers at its path")
        if headers.get("Content-Encoding", "identity") != "identity":
            text = "the server in front compresses answers for those who ask for no compression"
            return bad("compressed", text, "let it compress nothing below the host's path (nginx: gzip off)")
        path = urlsplit(self._url).path
        if path and await self._is_stripped(path):
            text = "the web server in front takes the host's path away before it passes a request on"
            return bad("path_stripped", text, f"let it {_TELL_PATH}")
        found = cause_of_status(status, headers, self._url, self._server.place) if status != 200 else cause(NO_HOST)
        return self._not_found(headers, path) if found.code == NOT_FOUND else finding_of(found)

    def _not_found(self, headers: dict[str, str], path: str) -> Finding:
        if not path:
            text = "a server answers, but no host at this URL: every host has a path of its own"
            return bad(NOT_FOUND, text, "give the whole URL that freespan serve prints")
        if "Server" in headers:  # which no host sends
            text = "a web server answers, but no host at this path (404): it passes the path to nobody, or changes it"
            return bad(NOT_FOUND, text, f"let it {_TELL_PATH}; or the path in the URL is not that of the host")
        text = "a server answers, but no host at this path (404)"
        advice = f"compare it with the URL that freespan serve prints; a web server in front must {_TELL_PATH}"
        return bad(NOT_FOUND, text, advice)

    async def _is_stripped(self, path: str) -> bool:
        """Whether the host is there if its path is said twice."""
        answer = await self._server.ask(lambda: self._get(f"{self._url}{path}{HEALTH}"))
        return not isinstance(answer, Cause) and answer[0] == 200 and _is_health(answer[2])

    # --- WebSockets -------------------------------------------------------------------------------
    async def look_at_signalling(self) -> Finding:
        """Whether a bridge would get its welcome."""

        async def hear(socket: aiohttp.ClientWebSocketResponse) -> Finding:
            await socket.send_str(encode(Hello(PROTOCOL_VERSION, 0)))
            self.welcome = await _welcome(socket)
            if self.welcome is None:
                text = "a WebSocket opens, but what comes through it is not what a host says"
                return bad("no_welcome", text, "let the server in front pass WebSockets on unchanged")
            return good("WebSockets are passed on, and the broker answers")

        return await self._by_socket(_BRIDGE, hear)

    async def look_at_announced(self) -> Finding:
        """Whether the host calls itself by this URL: invites and switches lead to what it calls itself."""
        announced = self.welcome.egress if self.welcome is not None else ""
        if announced.partition("?")[0] == f"{self._url}{_EGRESS}".replace("http", "ws", 1):
            return good("the host calls itself by this URL")
        theirs, ours = urlsplit(announced), urlsplit(self._url.replace("http", "ws", 1))
        differs = [
            name
            for name, one, other in (
                ("scheme", theirs.scheme, ours.scheme),
                ("name", theirs.hostname, ours.hostname),
                ("port", theirs.port, ours.port),
                ("path", theirs.path, f"{ours.path}{_EGRESS}"),
            )
            if one != other
        ]
        text = f"the host calls itself by another URL than this one (its {' and '.join(differs) or 'form'} differs)"
        advice = "--public-url must be the URL that others use; only at a front this is as it should be"
        return bad("other_url", text, advice, hinders=False)

    async def look_at_frames(self) -> Finding:
        """Whether the egress is reached, and frames come while the WebSocket stays open."""

        async def ping(socket: aiohttp.ClientWebSocketResponse) -> Finding:
            if await _is_answered(socket):
                return good("the egress is reached, and what it says comes at once")
            return _held_back()

        return await self._by_socket(_EGRESS, ping)

    async def look_at_quiet(self) -> Finding:
        """Whether a WebSocket may be quiet for a while: brokers and bridges ping every 20 s."""
        seconds = self._settings.quiet_seconds

        async def wait(socket: aiohttp.ClientWebSocketResponse) -> Finding:
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                async with asyncio.timeout(seconds):
                    message = await socket.receive()
            except TimeoutError:
                return good(f"a WebSocket may be quiet for {seconds:.0f} s")
            if message.type is aiohttp.WSMsgType.CLOSE:  # by the host itself, when it is crowded
                return note("closed", "the host closed a quiet WebSocket: it is crowded")
            text = f"the server in front cuts a WebSocket that was quiet for {max(1.0, loop.time() - began):.0f} s"
            return bad("quiet_websocket_cut", text, _TELL_QUIET)

        return await self._by_socket(_EGRESS, wait, seconds=self.seconds_of_quiet)

    async def _by_socket(
        self,
        path: str,
        use: Callable[[aiohttp.ClientWebSocketResponse], Awaitable[Finding]],
        seconds: float | None = None,
    ) -> Finding:
        """Open a WebSocket for one question. It is known that the path leads to the host."""
        is_open = False

        async def question() -> Finding:
            nonlocal is_open
            try:
                async with asyncio.timeout(seconds or self._settings.answer_seconds), self._socket(path) as socket:
                    is_open = True
                    return await use(socket)
            except aiohttp.WSServerHandshakeError as error:
                if error.status == 429:
                    return finding_of(cause(TOO_MANY, self._server.place, status=429))
                text = f"pages are passed on, and WebSockets are not ({_in_words(error)})"
                return bad(NO_UPGRADE, text, _TELL_UPGRADE)
            except TimeoutError:
                if is_open:
                    return _held_back()
                raise

        found = await self._server.ask(question)
        return finding_of(found) if isinstance(found, Cause) else found

    @contextlib.asynccontextmanager
    async def _socket(self, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        socket = await self._http.ws_connect(
            f"{self._url}{path}".replace("http", "ws", 1),
            max_msg_size=SIGNAL_MESSAGE_MAX + 1,
            compress=0,
            autoping=False,
            timeout=aiohttp.ClientWSTimeout(ws_close=0.5),
        )
        try:
            yield socket
        finally:
            await socket.close()

    # --- requests and answers -----------------------------------------------------------------------
    async def look_at_requests(self) -> Finding:
        """Whether the longest request of a client arrives whole: one that nobody can open is answered with 400."""

        answer = await self._server.ask(lambda: self._send(_long_body()))
        is_whole = not (isinstance(answer, Cause) and answer.code == CUT)
        if not is_whole:  # before the answer could be read, perhaps
            answer = await self._server.ask(lambda: self._send(os.urandom(_SHORT)))
        if isinstance(answer, Cause):
            return finding_of(answer)
        status, headers, body = answer
        code = _problem_code(body)
        if code == NOT_OPENED and is_whole:
            return good("a request of 32 KiB arrives whole")
        if code == NOT_OPENED:
            return bad(TOO_LARGE, "the server in front cuts a request of 32 KiB, and not a short one", _TELL_SIZE)
        if code == "too_many_requests":
            return note(TOO_MANY, "the host takes no more requests from here now, so this was not looked at")
        return self._of_refused_request(status, headers, is_of_host=bool(code))

    async def _send(self, body: bytes | AsyncIterator[bytes]) -> tuple[int, dict[str, str], bytes]:
        async with (
            asyncio.timeout(self._settings.answer_seconds),
            self._http.post(f"{self._url}{_RENDEZVOUS}", data=body, headers=_OCTETS) as response,
        ):
            return response.status, dict(response.headers), await response.content.read(SIGNAL_MESSAGE_MAX)

    def _of_refused_request(self, status: int, headers: dict[str, str], *, is_of_host: bool) -> Finding:
        if status == 413:
            text = "the server in front refuses requests of 32 KiB (413), and those of readers can be as long"
            return bad(TOO_LARGE, text, _TELL_SIZE)
        if status == 411:
            text = "the server in front refuses requests that do not tell their length before (411)"
            return bad(LENGTH_REQUIRED, text, "let it pass requests in chunks on (Transfer-Encoding: chunked)")
        if status in (403, 405, 501):
            text = f"the server in front does not pass POST requests on ({status})"
            return bad("no_post", text, "let it pass every method on below the host's path")
        if is_of_host or status < 500:
            text = f"a request of 32 KiB does not arrive as it was sent ({status})"
            return bad("request_changed", text, "let the server in front pass requests on unchanged")
        return finding_of(cause_of_status(status, headers, self._url, self._server.place))

    async def look_at_streaming(self) -> Finding:
        """Whether the parts of an answer come when they are sent, also of one that tells its length before."""
        answers = await asyncio.gather(
            self._server.ask(lambda: self._is_held_back(TRICKLE)),
            self._server.ask(lambda: self._is_held_back(f"{TRICKLE}?length")),
        )
        for answer in answers:
            if isinstance(answer, Cause):
                return finding_of(answer)
        if None in answers:
            return note("no_trickle", "the host is of an earlier version, so this was not looked at")
        if answers[0]:
            return bad("buffered", "the server in front holds answers back until they are whole", _TELL_BUFFER)
        if answers[1]:
            text = "the server in front holds answers back that are short; what is carried by WebSockets comes at once"
            return note("buffered", text, _TELL_BUFFER)
        return good("the parts of an answer come as they are sent")

    async def _is_held_back(self, path: str) -> bool | None:
        """Whether an answer in two parts comes as a whole; None for a host that has no such answer."""
        for _ in range(_TRICKLE_TRIES):
            pause = await self._pause_in(path)
            if pause is None:
                return None
            if pause > _PAUSE_MIN:
                return False
        return True

    async def _pause_in(self, path: str) -> float | None:
        """The seconds between the first byte of an answer and its end."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._settings.trickle_seconds), self._http.get(f"{self._url}{path}") as response:
            if response.status != 200:
                return None
            await response.content.readexactly(1)
            first = loop.time()
            await response.content.read()
        return loop.time() - first

    async def _get(self, url: str) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(self._settings.answer_seconds), self._http.get(url) as response:
            return response.status, dict(response.headers), await response.content.read(SIGNAL_MESSAGE_MAX)


async def _long_body() -> AsyncIterator[bytes]:
    """A body of the longest size, in chunks, as clients send theirs."""
    for _ in range(_CHUNKS):
        yield os.urandom(RENDEZVOUS_BODY_MAX // _CHUNKS)


def _in_words(error: aiohttp.WSServerHandshakeError) -> str:
    """What was wrong with the answer to a handshake."""
    return "the answer lacks what it needs" if error.status == 101 else str(error.status)


async def _welcome(socket: aiohttp.ClientWebSocketResponse) -> Welcome | None:
    """The broker's welcome; None for something else."""
    message = await socket.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        return None
    try:
        said = decode_to_bridge(message.data)
    except MessageError:
        return None
    return said if isinstance(said, Welcome) else None


async def _is_answered(socket: aiohttp.ClientWebSocketResponse) -> bool:
    """Whether a PING comes back. The egress says nothing else to whoever says nothing."""
    await socket.ping(b"doctor")
    while True:
        message = await socket.receive()
        if message.type is aiohttp.WSMsgType.PONG:
            return True
        if message.type is not aiohttp.WSMsgType.PING:
            return False


def _held_back() -> Finding:
    return bad("frames_held_back", "a WebSocket opens, but what it carries does not come in time", _TELL_AT_ONCE)


def _is_health(body: bytes) -> bool:
    try:
        return bool(json.loads(body) == {"status": "ok"})
    except ValueError:
        return False


def _problem_code(body: bytes) -> str:
    """The code of the problem that a host has answered with; empty for what somebody else says."""
    try:
        problem: Problem = decode_problem(body)
    except MessageError:
        return ""
    return problem.code if problem.type.startswith("urn:freespan:") else ""
