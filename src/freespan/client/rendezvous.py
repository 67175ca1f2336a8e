"""Asks the host, at one endpoint after the other: for a bridge, for TURN servers, for the egress itself.

A host has its own URL and perhaps fronts that lead to it (docs/protocol/direct.md). What is asked is sealed to the
host, and so is what it answers: a sealed refusal is the broker's own word, whoever carried it. A refusal in the open
may be made up, so the next endpoint is asked. Only one from the host's own URL can end a client, and only when no other
endpoint contradicts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from freespan.client.endpoints import Endpoints
from freespan.client.settings import ClientSettings
from freespan.link.asking import FAILURES, watching
from freespan.wire.addresses import is_private_url
from freespan.wire.admission import ADMISSION_CODES
from freespan.wire.causes import (
    ANSWER_TIMEOUT,
    BAD_ANSWER,
    NOT_OPENED,
    Cause,
    Place,
    cause,
    cause_of_status,
    combined_cause,
)
from freespan.wire.errors import MessageError, NotAdmittedError, RendezvousError, VersionError, WrongKeyError
from freespan.wire.ice import check_turn_servers
from freespan.wire.invite import Invite
from freespan.wire.limits import MESSAGE_MAX, PING_SECONDS, PROTOCOL_VERSION, RENDEZVOUS_BODY_MAX
from freespan.wire.messages import (
    IceServer,
    Problem,
    RendezvousAnswer,
    RendezvousRequest,
    TurnRequest,
    decode_problem,
    decode_rendezvous_answer,
    decode_turn_credentials,
    encode,
    problem_in,
)
from freespan.wire.sdp import check_answer
from freespan.wire.sealed_request import REPLY_KEY_SIZE, SealedRequest

_CLOSE_SECONDS = 1.0
_RETRY_STATUS = {408, 425, 429}
_NOT_OPENED = "not_opened"
_UNSEALED_CODES = {"bad_request", "busy", _NOT_OPENED, "too_large", "too_many_requests"}
"""What a broker says of a request that it has not opened."""
_NO_ANSWER_CODES = {"unreachable", "protocol_error"}
"""Error codes that the broker never sends itself; an intermediary can cause them."""

_Answer = TypeVar("_Answer")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. `cause` is why there is no answer of a broker, if its body is none."""

    status: int
    body: bytes
    retry_after: str
    place: Place
    cause: Cause


class SealedRefusalError(RendezvousError):
    """A refusal that the broker has sealed, so it is nobody else's."""


class BridgeRequest:
    """A request for a bridge, whose connection to the host is being opened; made by `Rendezvous.open_request`."""

    def __init__(self, body: asyncio.Future[bytes], answering: asyncio.Task[RendezvousAnswer]) -> None:
        self._body = body
        self._answering = answering

    async def meanwhile(self, work: Coroutine[Any, Any, _Result], discard: Callable[[_Result], None]) -> _Result:
        """Do `work` while the connection is being opened, and cancel it as soon as no endpoint can be asked.

        `discard` is called with what `work` has returned in the moment in which it was given up.

        Raises:
            RendezvousError: no endpoint of the host can be asked.
        """
        task = asyncio.create_task(work, name="client-rendezvous-meanwhile")
        try:
            await asyncio.wait({task, self._answering}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await self._answering  # there is no answer without a body, so this raises
            return await task
        except BaseException:
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            if not isinstance(outcome, BaseException):
                discard(outcome)
            raise

    async def send(self, request: RendezvousRequest) -> RendezvousAnswer:
        """Send the request; return the answer of a bridge.

        Raises:
            RendezvousError: `retry` tells whether asking again can help.
            NotAdmittedError: the host does not admit the invite.
            WrongKeyError: the host cannot open what is sealed to the invite's key, or somebody says so.
        """
        self._body.set_result(encode(request).encode())
        return await self._answering


class Rendezvous:
    """One for each client.

    The cryptography is imported where it is needed first. That takes a while, and the client does it in a thread while
    it gathers candidates (`load_sealing`).
    """

    def __init__(self, http: aiohttp.ClientSession, invite: Invite, settings: ClientSettings) -> None:
        self._http = http
        self._sealing_key = invite.sealing_key
        self._token = invite.token
        self._endpoints = Endpoints(invite.endpoints, settings.reorder_seconds)
        self._settings = settings

    @contextlib.asynccontextmanager
    async def open_request(self) -> AsyncIterator[BridgeRequest]:
        """Begin to ask for a bridge: open the connection to the host now, and let the caller send the offer later.

        So the caller can gather candidates `meanwhile`. Leaving the block without `BridgeRequest.send` gives it up.
        """
        body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        answer = self._ask_broker(body, _checked_answer)
        answering = asyncio.create_task(answer, name="client-rendezvous")
        request = BridgeRequest(body, answering)
        try:
            await asyncio.sleep(0)  # the connection begins before the caller makes a peer connection, which takes time
            yield request
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
            del answering, request._answering  # its error may refer to this frame, and to the caller's

    async def fetch_turn_servers(self) -> list[IceServer]:
        """The host's TURN servers, with credentials that expire; none where it has none.

        Raises:
            RendezvousError: the broker could not be asked, or refused.
            NotAdmittedError: the host does not admit the invite.
            WrongKeyError: the host cannot open what is sealed to the invite's key, or somebody says so.
        """
        body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        body.set_result(encode(TurnRequest(PROTOCOL_VERSION)).encode())
        return await self._ask_broker(body, self._checked_turn_servers)

    async def open_egress(self) -> tuple[str, aiohttp.ClientWebSocketResponse]:
        """A WebSocket to the egress, and the endpoint through which it goes. Raises `RendezvousError`.

        A front can accept a WebSocket that leads nowhere, so report with `put_first` or `put_last` what became of it.
        """
        connect_seconds = self._settings.host_connect_seconds

        async def ask(endpoint: str, seconds: float) -> aiohttp.ClientWebSocketResponse:
            url = f"{endpoint}/v1/egress"
            with watching() as attempt:
                try:
                    async with asyncio.timeout(seconds + connect_seconds):
                        return await self._http.ws_connect(
                            url.replace("http", "ws", 1),
                            max_msg_size=MESSAGE_MAX + 1,
                            compress=0,
                            autoping=False,
                            heartbeat=PING_SECONDS,
                            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                        )
                except FAILURES as error:
                    found = await attempt.cause_of(error, self._http, url, self._place_of(endpoint))
                    raise _no_answer("unreachable", found) from None

        return await self._at_each_endpoint(ask)

    def put_first(self, endpoint: str) -> None:
        """Ask this endpoint first for a while: it has served."""
        self._endpoints.put_first(endpoint, time.monotonic())

    def put_last(self, endpoint: str) -> None:
        """Ask this endpoint last for a while: it answers, but has not served."""
        self._endpoints.put_last(endpoint, time.monotonic())

    async def _ask_broker(self, message: asyncio.Future[bytes], decode: Callable[[bytes], _Answer]) -> _Answer:
        """The broker's answer; the endpoint that gave it is asked first the next time. Raises as `BridgeRequest.send`.

        Each endpoint gets a seal of its own, so that nobody can tell that two of them were asked for the same.
        """

        async def ask(endpoint: str, connect_seconds: float) -> _Answer:
            reply_key = secrets.token_bytes(REPLY_KEY_SIZE)
            response = await self._exchange(endpoint, connect_seconds, message, reply_key)
            return self._understand(response, reply_key, decode)

        endpoint, answer = await self._at_each_endpoint(ask)
        self.put_first(endpoint)
        return answer

    async def _at_each_endpoint(self, ask: Callable[[str, float], Awaitable[_Answer]]) -> tuple[str, _Answer]:
        """Call `ask` with each endpoint, and the seconds to connect to it, until one returns an answer."""
        endpoints = self._endpoints.in_order(time.monotonic())
        errors: dict[str, RendezvousError] = {}
        try:
            async with asyncio.timeout(self._settings.host_seconds):
                for endpoint in endpoints:
                    try:
                        return endpoint, await ask(endpoint, self._connect_seconds(is_last=endpoint == endpoints[-1]))
                    except RendezvousError as error:
                        errors[endpoint] = error
                    if self._is_the_last_word(errors[endpoint], endpoint):
                        break
        except TimeoutError:
            slow = endpoints[len(errors)]
            errors[slow] = _no_answer("unreachable", cause(ANSWER_TIMEOUT, self._place_of(slow)))
            for endpoint in errors:
                self.put_last(endpoint)  # those that were not asked come first the next time
        combined = self._combined(errors)
        errors.clear()
        try:
            raise combined
        finally:
            del combined  # its traceback has this frame: they would wait for the collector together

    def _is_the_last_word(self, error: RendezvousError, endpoint: str) -> bool:
        """Whether the other endpoints, which lead to this same broker, would get the same refusal from it.

        Through another endpoint a client comes from another source, of which a broker may have had less.
        """
        if not isinstance(error, SealedRefusalError) or error.code == "too_many_requests":
            return False
        return error.code != "no_new_bridge" or endpoint == self._endpoints.own

    def _connect_seconds(self, *, is_last: bool) -> float:
        return self._settings.host_last_connect_seconds if is_last else self._settings.host_connect_seconds

    def _combined(self, errors: dict[str, RendezvousError]) -> RendezvousError | WrongKeyError:
        """The error that all endpoints amount to.

        It is final only if the broker has sealed it, or if the host's own is, and no other contradicts it.
        """
        for error in errors.values():
            if isinstance(error, SealedRefusalError) and not error.retry:
                return error
        problems = [error for error in errors.values() if error.code not in _NO_ANSWER_CODES]
        for error in problems:
            if error.retry:
                return error
        own = errors.get(self._endpoints.own)
        if own in problems:
            return WrongKeyError(own.cause) if own.code == _NOT_OPENED else own
        error = [*problems, *errors.values()][0]
        causes = [errors[endpoint].cause for endpoint in self._endpoints.of_invite if endpoint in errors]
        found = None if problems else combined_cause([each for each in causes if each is not None])
        return RendezvousError(error.code, str(found or error), retry=True, cause=found or error.cause)

    def _place_of(self, endpoint: str) -> Place:
        return "host" if endpoint == self._endpoints.own else "front"

    async def _exchange(
        self, endpoint: str, connect_seconds: float, message: asyncio.Future[bytes], reply_key: bytes
    ) -> Response:
        """One request. Raises `RendezvousError`.

        The connection has `connect_seconds`, and the answer `host_answer_seconds` from when the message is known.
        """
        url, place = f"{endpoint}/v1/rendezvous", self._place_of(endpoint)
        answer_seconds = self._settings.host_answer_seconds
        with watching() as attempt:
            try:
                async with (
                    asyncio.timeout(connect_seconds + answer_seconds) as limit,
                    self._http.post(
                        url,
                        data=self._sealed_when_known(message, reply_key, limit),
                        headers={"Content-Type": "application/octet-stream"},
                        timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds),
                        allow_redirects=False,
                    ) as response,
                ):
                    body = await _read_bounded(response.content)
                    after = response.headers.get("Retry-After", "")
                    found = cause_of_status(response.status, response.headers, url, place)
                    return Response(response.status, body, after, place, found)
            except FAILURES as error:
                is_redirect = isinstance(error, aiohttp.ClientResponseError) and 300 <= error.status < 400
                found = await attempt.cause_of(error, self._http, url, place)
                raise _no_answer("protocol_error" if is_redirect else "unreachable", found) from None

    async def _sealed_when_known(
        self, message: asyncio.Future[bytes], reply_key: bytes, limit: asyncio.Timeout
    ) -> AsyncIterator[bytes]:
        """The body of a request that may begin before its message is known. aiohttp asks for it once it is connected.

        There is no `limit` while the message is awaited, and then the answer has its time.
        """
        limit.reschedule(None)
        known = await asyncio.shield(message)  # the next endpoint may need it too
        from freespan.sealing.requests import seal_request

        limit.reschedule(asyncio.get_running_loop().time() + self._settings.host_answer_seconds)
        yield seal_request(self._sealing_key, SealedRequest(self._token, reply_key, known))

    def _checked_turn_servers(self, body: bytes) -> list[IceServer]:
        return check_turn_servers(
            decode_turn_credentials(body).ice_servers, allow_private=is_private_url(self._endpoints.own)
        )

    def _understand(self, response: Response, reply_key: bytes, decode: Callable[[bytes], _Answer]) -> _Answer:
        """The decoded answer.

        Raises:
            NotAdmittedError: the host does not admit the invite.
            RendezvousError: another problem, or what is no answer of a broker.
        """
        from freespan.sealing.requests import open_answer

        try:
            if response.status != 200:
                raise self._unsealed_refusal(decode_problem(response.body), response)
            message = open_answer(reply_key, response.body)
        except MessageError:  # or `SealError`
            raise _no_answer("protocol_error", response.cause) from None
        try:
            if (problem := problem_in(message)) is not None:
                raise self._sealed_refusal(problem)
            return decode(message)
        except VersionError as error:
            raise RendezvousError("version", f"the broker's version {error.reason}", retry=False) from None
        except MessageError:
            raise _no_answer("protocol_error", cause(BAD_ANSWER, response.place)) from None

    def _sealed_refusal(self, problem: Problem) -> NotAdmittedError | SealedRefusalError:
        """What the broker itself has said."""
        if problem.code in ADMISSION_CODES:
            return NotAdmittedError(problem.code, problem.amount, problem.again)
        retry = problem.status in _RETRY_STATUS or problem.status >= 500
        after = None if problem.retry_after is None else self._seconds_after(problem.retry_after)
        return SealedRefusalError(problem.code, _one_line(problem.detail), retry=retry, after=after)

    def _unsealed_refusal(self, problem: Problem, response: Response) -> RendezvousError:
        """What somebody has said in the open: a broker that has not opened the request, or anybody in between."""
        after = response.retry_after
        is_number = after.isascii() and after.isdigit() and len(after) < 4
        seconds = self._seconds_after(int(after)) if is_number else None
        if problem.code not in _UNSEALED_CODES:
            return _no_answer("protocol_error", response.cause, seconds)
        retry = response.status in _RETRY_STATUS or response.status >= 500
        if problem.code == _NOT_OPENED:
            found = cause(NOT_OPENED, response.place)
            return RendezvousError(_NOT_OPENED, str(found), retry=retry, after=seconds, cause=found)
        return RendezvousError(problem.code, _one_line(problem.detail), retry=retry, after=seconds)

    def _seconds_after(self, seconds: int) -> float:
        return min(float(seconds), self._settings.retry_after_max_seconds)


def _checked_answer(body: bytes) -> RendezvousAnswer:
    answer = decode_rendezvous_answer(body)
    check_answer(answer.answer)
    return answer


def _one_line(text: str) -> str:
    """A text of somebody else's, made fit for a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:200] or "the broker gave no reason"


def load_sealing() -> None:
    """Import what requests are sealed with."""
    import freespan.sealing.requests  # noqa: F401


def _no_answer(code: str, found: Cause, after: float | None = None) -> RendezvousError:
    return RendezvousError(code, str(found), retry=True, after=after, cause=found)


async def _read_bounded(content: aiohttp.StreamReader) -> bytes:
    """The body; what is longer than any answer of a broker is cut off, and none of one."""
    body = bytearray()
    async for chunk in content.iter_chunked(RENDEZVOUS_BODY_MAX):
        body += chunk
        if len(body) > RENDEZVOUS_BODY_MAX:
            break
    return bytes(body)
