"""`POST /v1/rendezvous`: what clients ask the broker for comes sealed, and so does the answer.

    request ──▶ rate, size ──▶ a copy? ── yes ──▶ the answer of the original
                   │             │ no
                   │             ▼
                   │           open ──▶ admit ──▶ a bridge (rendezvous.py), or TURN servers ──▶ sealed answer
                   ▼             ▼         │                         │
          400, 408, 413, 429, 503          └── sealed problem ───────┘

Whoever carries the two, such as a front, learns neither what was asked nor what was answered, and can change neither.
Only what is refused before it is opened is answered in the open: there is no key to seal it with.
docs/protocol/rendezvous.md lists the problems.
"""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from freespan.broker.guests import Guest, Guests
from freespan.broker.kept_answers import KeptAnswer, KeptAnswers, name_of
from freespan.broker.reader_statistics import ReaderStatistics
from freespan.broker.rendezvous import Rendezvous
from freespan.broker.responses import (
    ANY_ORIGIN,
    ProblemError,
    not_admitted,
    problem_response,
    sealed_problem,
    sealed_response,
    too_many_requests,
)
from freespan.broker.settings import BrokerSettings
from freespan.broker.turn import TurnServers
from freespan.broker.waiting_requests import WaitingRequests, busy
from freespan.observe.counters import HostCounters
from freespan.observe.ledger import Account
from freespan.sealing.hpke import Opener
from freespan.sealing.requests import open_request, seal_answer
from freespan.sources.rate import RateBudgets
from freespan.sources.requests import SourceReader
from freespan.sources.source import Source
from freespan.wire.errors import MessageError, NotAdmittedError, SealError, VersionError
from freespan.wire.limits import PROTOCOL_VERSION, RENDEZVOUS_BODY_MAX
from freespan.wire.messages import Asked, RendezvousAnswer, TurnCredentials, TurnRequest, decode_asked, encode
from freespan.wire.sealed_request import SealedRequest

_COPIES = 4
"""How many times the bytes of its body a request takes: as it came, opened, read, and as its answer."""


class SealedRequests:
    """Answers clients."""

    def __init__(
        self,
        opener: Opener,
        guests: Guests,
        rendezvous: Rendezvous,
        turn_servers: TurnServers | None,
        statistics: ReaderStatistics,
        counters: HostCounters,
        settings: BrokerSettings,
        sources: SourceReader,
        account: Account,
        kept_answers: KeptAnswers,
    ) -> None:
        self._opener = opener
        self._guests = guests
        self._rendezvous = rendezvous
        self._turn_servers = turn_servers
        self._statistics = statistics
        self._counters = counters
        self._settings = settings
        self._sources = sources
        self._account = account
        self._kept_answers = kept_answers
        self._budgets = RateBudgets(settings.rendezvous_of_host, settings.rendezvous_of_network)
        self._bodies = WaitingRequests(settings.bodies_max, settings.bodies_for_newcomers, settings.body_places)
        self._copies = WaitingRequests(
            settings.rendezvous_max, settings.rendezvous_for_newcomers, settings.rendezvous_places
        )

    def routes(self) -> list[web.RouteDef]:
        """The routes for clients."""
        return [
            web.post("/v1/rendezvous", self.handle),
            web.options("/v1/rendezvous", _handle_preflight),
        ]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request, and count how it ended."""
        source = self._sources.source_of(request)
        cost = self._charge(0, RENDEZVOUS_BODY_MAX)
        try:
            self._check_rate(source)
            body = await self._read_body(request, source)
            cost = self._charge(cost, _COPIES * len(body))
            return sealed_response(await self._answer(body, request, source))
        except ProblemError as error:
            self._counters.rendezvous.labels(error.problem.code).inc()
            return problem_response(error, self._settings.retry_after_seconds)
        finally:
            self._charge(cost, 0)

    def _charge(self, before: int, now: int) -> int:
        """A request holds so many bytes now."""
        self._account.report(self._account.held - before + now)
        return now

    def _check_rate(self, source: Source | None) -> None:
        now = _now()
        if not self._budgets.take(source, now):
            raise too_many_requests(self._budgets.wait(source, now))

    async def _answer(self, body: bytes, request: web.Request, source: Source | None) -> bytes:
        """The sealed answer. Raises `ProblemError` for what does not open."""
        name = name_of(body)
        original = self._kept_answers.find(name, _now())
        if original is not None:
            return await self._answer_of(original, source)
        sealed = self._opened(body)
        kept = self._kept_answers.begin(name, source, _now())
        try:
            answer = seal_answer(sealed.reply_key, await self._message_for(sealed, request, source))
            self._kept_answers.finish(kept, answer, source)
            return answer
        finally:
            self._kept_answers.give_up(kept)

    async def _answer_of(self, original: KeptAnswer, source: Source | None) -> bytes:
        """What a copy gets: the answer of the original, which may be under way."""
        self._counters.rendezvous.labels("copied").inc()
        if original.answer.done():
            answer = original.answer.result()
        else:
            try:
                async with self._copies.waiting(source, self._settings.rendezvous_seconds):
                    answer = await asyncio.shield(original.answer)
            except TimeoutError:
                answer = None
        if answer is None:
            raise busy()
        return answer

    def _opened(self, body: bytes) -> SealedRequest:
        try:
            return open_request(self._opener, body)
        except SealError:
            detail = "the host cannot open this, as if it had changed its key: ask for a new invite"
            raise ProblemError(400, "not_opened", detail) from None
        except MessageError as error:
            raise ProblemError(400, "bad_request", str(error), error.field) from None

    async def _message_for(self, sealed: SealedRequest, request: web.Request, source: Source | None) -> bytes:
        """The answer that is to be sealed: what was asked for, or a problem."""
        try:
            guest = self._admitted(sealed.token)
            asked = _checked(sealed.message)
            answer = await self._given(asked, source, is_invited=guest.is_invited)
        except ProblemError as error:
            self._counters.rendezvous.labels(error.problem.code).inc()
            return encode(sealed_problem(error, self._settings.retry_after_seconds)).encode()
        if not isinstance(asked, TurnRequest):
            self._counters.rendezvous.labels("answered").inc()
            self._statistics.count(request, asked.offer)
        return encode(answer).encode()

    def _admitted(self, token: bytes) -> Guest:
        try:
            return self._guests.recognise(token)
        except NotAdmittedError as reason:
            raise not_admitted(reason) from None

    async def _given(
        self, asked: Asked, source: Source | None, *, is_invited: bool
    ) -> RendezvousAnswer | TurnCredentials:
        if isinstance(asked, TurnRequest):
            servers = self._turn_servers.credentials(time.time()) if self._turn_servers else []
            return TurnCredentials(PROTOCOL_VERSION, servers)
        return await self._rendezvous.find_answer(asked, source, is_invited=is_invited)

    async def _read_body(self, request: web.Request, source: Source | None) -> bytes:
        body = bytearray()
        try:
            if request.content.is_eof():  # it came together with its head, as nearly every body does
                body += request.content.read_nowait(-1)
            else:
                async with self._bodies.waiting(source, self._settings.body_seconds):
                    async for chunk in request.content.iter_chunked(RENDEZVOUS_BODY_MAX):
                        body += chunk
                        if len(body) > RENDEZVOUS_BODY_MAX:
                            break
        except TimeoutError:
            raise ProblemError(408, "bad_request", "the request did not arrive in time") from None
        except web.RequestPayloadError:
            raise ProblemError(400, "bad_request", "the request is cut off or wrongly encoded", "message") from None
        if len(body) > RENDEZVOUS_BODY_MAX:
            raise ProblemError(413, "too_large", f"the request is longer than {RENDEZVOUS_BODY_MAX} bytes")
        return bytes(body)


def _checked(message: bytes) -> Asked:
    """Decode what is asked for."""
    try:
        return decode_asked(message)
    except MessageError as error:
        code = "version" if isinstance(error, VersionError) else "bad_request"
        raise ProblemError(400, code, str(error), error.field) from None


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _handle_preflight(request: web.Request) -> web.Response:
    return web.Response(status=204, headers={**ANY_ORIGIN, "Access-Control-Allow-Headers": "Content-Type"})
