"""Asks the host, at the first of its addresses that answers: for a bridge, for relays, for the egress itself.

A host has one address and perhaps fronts that lead to it (docs/protocol.md). The one that answered last comes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import aiohttp

from freespan.wire.errors import MessageError, RendezvousError, VersionError
from freespan.wire.limits import (
    HOST_CONNECT_SECONDS,
    MESSAGE_MAX,
    PING_SECONDS,
    RENDEZVOUS_BODY_MAX,
    RENDEZVOUS_SECONDS,
)
from freespan.wire.messages import (
    IceServer,
    RendezvousAnswer,
    RendezvousRequest,
    decode_problem,
    decode_relays,
    decode_rendezvous_answer,
    encode,
)
from freespan.wire.sdp import check_answer

_SECONDS = RENDEZVOUS_SECONDS + 8.0
"""The broker's own limit, and time for the network."""
_CLOSE_SECONDS = 1.0
_UNREACHABLE = "the broker cannot be reached: is the invite still good, is this machine online?"
_RUBBISH = "the broker's address answers something else than a broker: the invite may be out of date"
_RETRY_CODES = {"no_bridge", "busy", "bridge_silent"}
_ELSEWHERE_CODES = {"unreachable", "rubbish"}
"""What somebody in between can bring about: another address may lead around him."""

_Answer = TypeVar("_Answer")


class Rendezvous:
    """`bases` are the host's base URLs, its own first."""

    def __init__(self, http: aiohttp.ClientSession, bases: Sequence[str]) -> None:
        self._http = http
        self._bases = list(bases)
        self._own = bases[0]

    async def ask_for_bridge(self, request: Callable[[], Awaitable[RendezvousRequest]]) -> RendezvousAnswer:
        """Send a request, return the answer of a bridge.

        `request` is awaited when there is a connection to the broker, so that it can be in the making meanwhile.

        Raises:
            RendezvousError: `retry` tells whether asking again can help.
        """

        async def ask(base: str) -> RendezvousAnswer:
            status, body, after = await self._exchange("POST", f"{base}/v1/rendezvous", _body(request))
            return _understand(status, body, after, _checked_answer)

        return await self._at_each_base(ask)

    async def ask_for_relays(self) -> list[IceServer]:
        """The host's relays, with credentials for some time; none where it has none. Raises `RendezvousError`."""

        async def ask(base: str) -> list[IceServer]:
            status, body, after = await self._exchange("GET", f"{base}/v1/relays")
            return _understand(status, body, after, lambda body: decode_relays(body).ice_servers)

        return await self._at_each_base(ask)

    async def open_egress(self) -> tuple[aiohttp.ClientWebSocketResponse, bool]:
        """A WebSocket to the egress, and whether it goes through a front. Raises `RendezvousError`."""

        async def ask(base: str) -> tuple[aiohttp.ClientWebSocketResponse, bool]:
            try:
                async with asyncio.timeout(2 * HOST_CONNECT_SECONDS):
                    socket = await self._http.ws_connect(
                        f"{base}/v1/egress".replace("http", "ws", 1),
                        max_msg_size=MESSAGE_MAX + 1,
                        compress=0,
                        heartbeat=PING_SECONDS,
                        timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                    )
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
                raise RendezvousError("unreachable", "the host's egress cannot be reached either", retry=True) from None
            return socket, base != self._own

        return await self._at_each_base(ask)

    async def _at_each_base(self, ask: Callable[[str], Awaitable[_Answer]]) -> _Answer:
        first_error: RendezvousError | None = None
        for base in list(self._bases):
            try:
                answer = await ask(base)
            except RendezvousError as error:
                first_error = first_error or error
                if error.code in _ELSEWHERE_CODES:
                    continue
                self._prefer(base)
                raise
            self._prefer(base)
            return answer
        assert first_error is not None
        raise first_error

    def _prefer(self, base: str) -> None:
        self._bases.remove(base)
        self._bases.insert(0, base)

    async def _exchange(
        self, method: str, url: str, body: AsyncIterator[bytes] | None = None
    ) -> tuple[int, bytes, str]:
        """One request: status, body and `Retry-After` of its answer. Raises `RendezvousError`."""
        try:
            async with (
                asyncio.timeout(_SECONDS),
                self._http.request(
                    method,
                    url,
                    data=body,
                    headers={"Content-Type": "application/json"} if body is not None else None,
                    timeout=aiohttp.ClientTimeout(total=None, connect=HOST_CONNECT_SECONDS),
                    allow_redirects=False,
                ) as response,
            ):
                answer = await _read_bounded(response.content)
                return response.status, answer, response.headers.get("Retry-After", "")
        except TimeoutError:
            raise RendezvousError("unreachable", "the broker took too long to answer", retry=True) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise RendezvousError("unreachable", _UNREACHABLE, retry=True) from None


async def _body(request: Callable[[], Awaitable[RendezvousRequest]]) -> AsyncIterator[bytes]:
    yield encode(await request()).encode()


def _checked_answer(body: bytes) -> RendezvousAnswer:
    answer = decode_rendezvous_answer(body)
    check_answer(answer.answer)
    return answer


def _understand(status: int, body: bytes, retry_after: str, decode: Callable[[bytes], _Answer]) -> _Answer:
    try:
        if status == 200:
            return decode(body)
        problem = decode_problem(body)
    except VersionError as error:
        raise RendezvousError("version", f"the broker's version {error.reason}", retry=False) from None
    except MessageError:
        raise RendezvousError("rubbish", _RUBBISH, retry=True) from None
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 4 else None
    retry = problem.code in _RETRY_CODES or status >= 500
    raise RendezvousError(problem.code, _one_line(problem.detail), retry=retry, after=seconds)


def _one_line(text: str) -> str:
    """A stranger's sentence, fit for a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:200] or "the broker gave no reason"


async def _read_bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_chunked(RENDEZVOUS_BODY_MAX):
        body += chunk
        if len(body) > RENDEZVOUS_BODY_MAX:
            raise RendezvousError("rubbish", _RUBBISH, retry=True)
    return bytes(body)
