"""The conversation of a program that speaks HTTP/1.1: one request after the other, each for whichever site it names.

A CONNECT becomes a tunnel. Any other request is an `Exchange` over a stream of its own, or over the one that this
program has used for the same site before. What decides is pure: `http_request.py` and `exchange.py`.
"""

from __future__ import annotations

import asyncio
import logging

from freespan.client.lent_stream import LentStream
from freespan.client.local_proxy.conversation import Program, ProxyContext
from freespan.client.local_proxy.exchange import Exchange
from freespan.client.local_proxy.hanging_up import unless_it_hangs_up
from freespan.client.local_proxy.http_request import ConnectRequest, ForwardedRequest, HttpParser
from freespan.client.local_proxy.passage import Passage, StaleError
from freespan.client.local_proxy.refusal import request_error
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.tunnels import serve_tunnel, splice_with
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target

_log = logging.getLogger(__name__)


class HttpConversation:
    """Requests until the program has ended, or is told to."""

    def __init__(self, program: Program, context: ProxyContext) -> None:
        self._program = program
        self._context = context
        self._owner = context.kept.new_owner()
        self._logged_in: set[Target] = set()
        """Sites that know this program by the connection that it has to them."""
        self._abandoned: Target | None = None
        """Where the last request was for that goes without its body; it may have been sent at the last moment."""

    async def run(self, first: bytes) -> None:
        """See `Conversation`."""
        following: bytes | None = first
        try:
            while following is not None:
                request = await self._next_request(following or await self._rest())
                if self._abandoned not in (None, request.target):
                    raise RequestError("a body was sent that its site did not want", b"")
                if isinstance(request, ConnectRequest):
                    return await serve_tunnel(request, self._program, self._context)
                following = await self._serve(request)
        finally:
            self._context.kept.release_all(self._owner)

    async def _next_request(self, data: bytes) -> ConnectRequest | ForwardedRequest:
        """Raises `RequestError`, `TimeoutError`, or `EOFError` when the program has gone."""
        parser = HttpParser(self._context.credentials)
        request = parser.receive_data(data)
        if request is None:
            async with asyncio.timeout(self._context.settings.proxy_request_seconds):
                while request is None:
                    request = parser.receive_data(await self._program.read())
        return request

    async def _rest(self) -> bytes:
        """The first bytes of the next request. When places are needed, who has rested for longest has to leave."""
        resting = self._context.resting
        resting[self._program] = None
        try:
            async with asyncio.timeout(self._context.settings.proxy_rest_seconds):
                return await self._program.read()
        finally:
            resting.pop(self._program, None)

    async def _serve(self, request: ForwardedRequest) -> bytes | None:
        """Let a request and its response pass. Returns what the program has sent after it; None ends the connection."""
        exchange = Exchange(request)
        to_target = exchange.request_head() + exchange.receive_from_program(request.rest)
        if exchange.failure is not None:
            raise request_error(400, "the body of the request is malformed")
        kept = self._context.kept.take(self._owner, request.target)
        is_known = request.target in self._logged_in
        if exchange.has_login:
            self._logged_in.add(request.target)
        if kept is not None:
            try:
                return await self._pass(kept, request, exchange, to_target, is_kept=True)
            except StaleError:
                if is_known or not exchange.may_be_repeated:
                    return None  # as without a proxy: the program asks again, or not
                to_target = exchange.start_again()
        elif is_known:
            return None  # it has to log in anew, and would not over a connection that it believes to be known
        try:
            opening = self._context.client.lend_stream(request.target, to_target)
            settings = self._context.settings
            lent = await unless_it_hangs_up(
                self._program, opening, settings, after_end=settings.proxy_half_closed_seconds
            )
        except StreamError as error:
            _log.info("a connection was not opened: %s", error.status.sentence())
            await self._program.refuse(request.refused(error.status))
            return None
        self._context.count_sent(len(to_target))
        return await self._pass(lent, request, exchange)

    async def _pass(
        self,
        lent: LentStream,
        request: ForwardedRequest,
        exchange: Exchange,
        unsent: bytes = b"",
        *,
        is_kept: bool = False,
    ) -> bytes | None:
        """Raises `StaleError` for a kept stream that has ended before it has brought anything."""
        stream, program = lent.stream, self._program
        passage = Passage(program, self._context, exchange, stream, is_kept=is_kept)
        is_reusable = False
        try:
            await passage.run(unsent)
            if exchange.is_switched:
                await stream.write(exchange.left_over)
                await splice_with(stream, program, self._context)
            elif exchange.failure is not None and not exchange.response_is_complete:
                await self._fail(request, exchange, exchange.failure)
            elif exchange.can_reuse_program:
                is_reusable = exchange.can_reuse_target and not passage.has_told_end
                self._abandoned = request.target if exchange.is_abandoned else None
                return exchange.left_over
            else:
                await program.finish()
            return None
        except StreamError:
            program.connection.reset()
            return None
        except asyncio.CancelledError:
            program.connection.reset()
            raise
        finally:
            if is_reusable:
                self._context.kept.keep(self._owner, request.target, lent)
            else:
                lent.release()

    async def _fail(self, request: ForwardedRequest, exchange: Exchange, status: ProxyStatus) -> None:
        """Tell the program, or cut its connection where it has a part of a response already."""
        if exchange.is_the_programs_fault or (exchange.response_has_begun and not exchange.end_is_noticed):
            self._program.connection.reset()
        elif exchange.response_has_begun:
            await self._program.finish()
        else:
            await self._program.refuse(request.refused(status))
