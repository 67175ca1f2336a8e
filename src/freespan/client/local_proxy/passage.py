"""Lets an `Exchange` pass between a program and a stream: the request and the response at the same time."""

from __future__ import annotations

import asyncio

from freespan.client.local_proxy.conversation import Program, ProxyContext
from freespan.client.local_proxy.exchange import Exchange
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError

_LINGER_SECONDS = 10.0
"""How long a program may pause while it sends the rest of a request whose response it has got."""
_AT_ONCE_MAX = 16_384
"""Bytes that a site's window has room for, so that they need no task beside the response: what programs ask for with
GET."""
_TIMED_OUT = b" 408"
_STATUS_PLACE = slice(8, 12)


class StaleError(Exception):
    """The target has ended a kept stream before it has brought anything: just as the request went out."""


class Passage:
    """One exchange over one stream. `is_kept` tells that another exchange went over it before."""

    def __init__(
        self,
        program: Program,
        context: ProxyContext,
        exchange: Exchange,
        stream: TunnelStream,
        *,
        is_kept: bool = False,
    ) -> None:
        self.has_told_end = False
        """Whether the target was told that nothing follows."""
        self._program = program
        self._context = context
        self._exchange = exchange
        self._stream = stream
        self._can_be_stale = is_kept
        self._takes_no_more = False
        self._now = asyncio.get_running_loop().time
        self._has_moved = False
        self._moved_at = self._now()
        self._hung_up_at: float | None = None
        self._look_timer: asyncio.TimerHandle | None = None

    async def run(self, unsent: bytes = b"") -> None:
        """Return when the exchange is complete, was switched, or has failed; `unsent` goes to the target first.

        Raises:
            StaleError: nothing has come on a kept stream, and the program is still there.
            OSError: the program has gone.
        """
        sending: asyncio.Task[None] | None = None
        self._look_later()
        try:
            if self._exchange.request_is_complete and len(unsent) <= _AT_ONCE_MAX:
                await self._write(unsent)
            else:
                sending = asyncio.create_task(self._pass_request(unsent), name="proxy-request")
            await self._pass_response()
            if sending and self._exchange.response_is_complete and not self._exchange.request_is_complete:
                await self._wait_for_request(sending)
        finally:
            if self._look_timer is not None:
                self._look_timer.cancel()
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    # --- towards the target ------------------------------------------------------------------
    async def _pass_request(self, unsent: bytes) -> None:
        exchange = self._exchange
        try:
            await self._write(unsent)
            while not exchange.request_is_complete:
                data = await self._program.connection.read()
                self._has_moved = True
                if data:
                    await self._write(exchange.receive_from_program(data))
                else:
                    exchange.program_ended()
                if exchange.failure is not None:
                    self._stream.abort()
                    return
        except StreamError:
            self._give_up_program()

    async def _write(self, data: bytes) -> None:
        """Pass bytes on; drop them once the target takes no more, since its response may be on its way."""
        if not data or self._takes_no_more:
            return
        self._context.count_sent(len(data))
        try:
            await self._stream.write(data)
        except StreamError:
            self._takes_no_more = True

    async def _wait_for_request(self, sending: asyncio.Task[None]) -> None:
        """The response came before the request was complete, and the program goes on sending, or does not."""
        while not sending.done():
            self._has_moved = False
            await asyncio.wait({sending}, timeout=_LINGER_SECONDS)
            if not self._has_moved:
                return

    # --- towards the program -----------------------------------------------------------------
    async def _pass_response(self) -> None:
        exchange, program = self._exchange, self._program.connection
        while not (exchange.response_is_complete or exchange.is_switched or exchange.failure):
            try:
                data = await self._stream.read()
            except StreamError as error:
                self._check_stale()
                exchange.target_was_cut(error.status)
                return
            self._has_moved = True
            if not data or self._can_be_stale:
                self._check_stale(data)
            passed = exchange.receive_from_target(data) if data else exchange.target_ended()
            self._context.count_received(len(data))
            if passed:
                await program.write(passed)

    def _check_stale(self, first: bytes = b"") -> None:
        """Raise `StaleError` if a kept stream ends, or times out, as the first thing that it does."""
        is_timed_out = first[_STATUS_PLACE] == _TIMED_OUT and self._exchange.may_be_repeated
        if self._can_be_stale and not self._exchange.failure and (not first or is_timed_out):
            raise StaleError
        self._can_be_stale = False

    # --- now and then ------------------------------------------------------------------------
    def _look_later(self) -> None:
        seconds = self._context.settings.proxy_look_seconds
        self._look_timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """See whether the program is still there and anything moves, at the cost of one flag for each piece.

        A program that has ended its direction may still read, or may have gone; and a target that hears of it may give
        up the response. So it hears of it after a while.
        """
        settings, now = self._context.settings, self._now()
        if self._program.has_gone:
            self._give_up_program()
            return
        if self._has_moved:
            self._has_moved, self._moved_at = False, now
        idle_max = settings.proxy_given_up_seconds if self.has_told_end else settings.tunnel.stream_idle_seconds
        if now - self._moved_at >= idle_max:
            self._program.connection.reset()
            self._stream.abort()
            return
        if self._exchange.request_is_complete and self._program.has_hung_up and not self.has_told_end:
            self._hung_up_at = self._hung_up_at or now
            if now - self._hung_up_at >= settings.proxy_half_closed_seconds:
                self.has_told_end = True
                self._stream.write_eof()
                self._moved_at = now
        self._look_later()

    def _give_up_program(self) -> None:
        self._exchange.program_has_gone()
        self._stream.abort()
