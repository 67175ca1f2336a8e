"""Asks the host, at one of its addresses after the other: for a bridge, for relays, for the egress itself.

A host has one address and perhaps fronts that lead to it (docs/protocol/direct.md). What a front says may be its own
invention, so nothing that it refuses is final: the next address is asked, and the next time the invite's order holds.
Only the host's own word ends a client, and only when no other address says otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import aiohttp

from freespan.client.endpoints import Endpoints
from freespan.wire.addresses import is_private_url
from freespan.wire.errors import MessageError, RendezvousError, VersionError
from freespan.wire.ice import check_turn_servers
from freespan.wire.limits import (
    HOST_ANSWER_SECONDS,
    HOST_CONNECT_SECONDS,
    HOST_LAST_CONNECT_SECONDS,
    HOST_SECONDS,
    MESSAGE_MAX,
    PING_SECONDS,
    RENDEZVOUS_BODY_MAX,
    RETRY_AFTER_MAX_SECONDS,
)
from freespan.wire.messages import (
    IceServer,
    RendezvousAnswer,
    RendezvousRequest,
    decode_problem,
    decode_rendezvous_answer,
    decode_turn_credentials,
    encode,
)
from freespan.wire.sdp import check_answer

_CLOSE_SECONDS = 1.0
_UNREACHABLE = "the broker cannot be reached: is the invite still good, is this machine online?"
_RUBBISH = "the broker's address answers something else than a broker: the invite may be out of date"
_SLOW = "the broker took too long to answer"
_RETRY_CODES = {"no_bridge", "no_reachable_bridge", "busy", "bridge_timeout"}
_RETRY_STATUS = {408, 425, 429}
_NO_ANSWER_CODES = {"unreachable", "protocol_error"}
"""What is no word of a broker's; somebody in between can bring it about."""

_Answer = TypeVar("_Answer")


class Rendezvous:
    """`endpoints` are the host's endpoint URLs, its own first."""

    def __init__(self, http: aiohttp.ClientSession, endpoints: Sequence[str]) -> None:
        self._http = http
        self._endpoints = Endpoints(endpoints)

    async def ask_for_bridge(self, request: Callable[[], Awaitable[RendezvousRequest]]) -> RendezvousAnswer:
        """Send a request, return the answer of a bridge.

        `request` is awaited when there is a connection to the broker, so that it can be in the making meanwhile.

        Raises:
            RendezvousError: `retry` tells whether asking again can help.
        """

        async def ask(endpoint: str, seconds: float) -> RendezvousAnswer:
            status, body, after = await self._exchange("POST", f"{endpoint}/v1/rendezvous", seconds, _body(request))
            return _understand(status, body, after, _checked_answer)

        endpoint, answer = await self._at_each_base(ask)
        self.prefer(endpoint)
        return answer

    async def fetch_turn_servers(self) -> list[IceServer]:
        """The host's relays, with credentials for some time; none where it has none. Raises `RendezvousError`."""

        async def ask(endpoint: str, seconds: float) -> list[IceServer]:
            status, body, after = await self._exchange("GET", f"{endpoint}/v1/turn", seconds)
            return _understand(status, body, after, self._checked_relays)

        endpoint, relays = await self._at_each_base(ask)
        self.prefer(endpoint)
        return relays

    async def open_egress(self) -> tuple[str, aiohttp.ClientWebSocketResponse]:
        """A WebSocket to the egress, and the endpoint through which it goes. Raises `RendezvousError`.

        That a endpoint takes a WebSocket says little: tell by `prefer` or `put_last` what became of it.
        """

        async def ask(endpoint: str, seconds: float) -> aiohttp.ClientWebSocketResponse:
            try:
                async with asyncio.timeout(seconds + HOST_CONNECT_SECONDS):
                    return await self._http.ws_connect(
                        f"{endpoint}/v1/egress".replace("http", "ws", 1),
                        max_msg_size=MESSAGE_MAX + 1,
                        compress=0,
                        heartbeat=PING_SECONDS,
                        timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                    )
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
                raise RendezvousError("unreachable", "the host's egress cannot be reached either", retry=True) from None

        return await self._at_each_base(ask)

    def _checked_relays(self, body: bytes) -> list[IceServer]:
        return check_turn_servers(
            decode_turn_credentials(body).ice_servers, allow_private=is_private_url(self._endpoints.own)
        )

    def prefer(self, endpoint: str) -> None:
        """Ask this endpoint first for a while: it has served."""
        self._endpoints.put_first(endpoint, time.monotonic())

    def put_last(self, endpoint: str) -> None:
        """Ask this endpoint last for a while: it answers, and does not serve."""
        self._endpoints.put_last(endpoint, time.monotonic())

    async def _at_each_base(self, ask: Callable[[str, float], Awaitable[_Answer]]) -> tuple[str, _Answer]:
        """Call `ask` with one endpoint after the other, and the seconds for a connection to it, until it returns."""
        endpoints = self._endpoints.in_order(time.monotonic())
        errors: dict[str, RendezvousError] = {}
        try:
            async with asyncio.timeout(HOST_SECONDS):
                for endpoint in endpoints:
                    try:
                        return endpoint, await ask(endpoint, _connect_seconds(is_last=endpoint == endpoints[-1]))
                    except RendezvousError as error:
                        errors[endpoint] = error
                    if endpoint == self._endpoints.own and errors[endpoint].code in _RETRY_CODES:
                        break
        except TimeoutError:
            errors[endpoints[len(errors)]] = RendezvousError("unreachable", _SLOW, retry=True)
            for endpoint in errors:
                self.put_last(endpoint)  # those that were not asked come first the next time
        raise self._verdict(errors)

    def _verdict(self, errors: dict[str, RendezvousError]) -> RendezvousError:
        """What all of them together have said: final is the host's own word alone, if no other one contradicts it."""
        problems = [error for error in errors.values() if error.code not in _NO_ANSWER_CODES]
        for error in problems:
            if error.retry:
                return error
        own = errors.get(self._endpoints.own)
        if own in problems:
            return own
        error = [*problems, *errors.values()][0]
        return RendezvousError(error.code, str(error), retry=True)

    async def _exchange(
        self, method: str, url: str, seconds: float, body: AsyncIterator[bytes] | None = None
    ) -> tuple[int, bytes, str]:
        """One request: status, body and `Retry-After` of its answer. Raises `RendezvousError`."""
        try:
            async with (
                asyncio.timeout(seconds + HOST_ANSWER_SECONDS),
                self._http.request(
                    method,
                    url,
                    data=body,
                    headers={"Content-Type": "application/json"} if body is not None else None,
                    timeout=aiohttp.ClientTimeout(total=None, connect=seconds),
                    allow_redirects=False,
                ) as response,
            ):
                answer = await _read_bounded(response.content)
                return response.status, answer, response.headers.get("Retry-After", "")
        except TimeoutError:
            raise RendezvousError("unreachable", _SLOW, retry=True) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise RendezvousError("unreachable", _UNREACHABLE, retry=True) from None


def _connect_seconds(*, is_last: bool) -> float:
    return HOST_LAST_CONNECT_SECONDS if is_last else HOST_CONNECT_SECONDS


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
        raise RendezvousError("protocol_error", _RUBBISH, retry=True) from None
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 4 else None
    after = min(seconds, RETRY_AFTER_MAX_SECONDS) if seconds is not None else None
    retry = problem.code in _RETRY_CODES or status in _RETRY_STATUS or status >= 500
    raise RendezvousError(problem.code, _one_line(problem.detail), retry=retry, after=after)


def _one_line(text: str) -> str:
    """A stranger's sentence, fit for a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:200] or "the broker gave no reason"


async def _read_bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_chunked(RENDEZVOUS_BODY_MAX):
        body += chunk
        if len(body) > RENDEZVOUS_BODY_MAX:
            raise RendezvousError("protocol_error", _RUBBISH, retry=True)
    return bytes(body)
