"""Lets an `Exchange` pass between a program and a stream: the request and the response at the same time."""

from __future__ import annotations

import asyncio

from freespan.client.local_proxy.conversation import Program, ProxyContext
from freespan.client.local_proxy.exchange import Exchange
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError

_LINGER_SECONDS = 10.0
"""How long a program may pause while it sends the rest of a request whose response it has got."""
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
        self._program = program.connection
        self._context = context
        self._exchange = exchange
        self._stream = stream
        self._can_be_stale = is_kept
        self._takes_no_more = False
        self._has_moved = False
        self._idle: asyncio.TimerHandle | None = None
        self._idle_seconds = context.settings.tunnel.stream_idle_seconds

    async def run(self, unsent: bytes = b"") -> None:
        """Return when the exchange is complete, was switched, or has failed; `unsent` goes to the target first.

        Raises:
            StaleError: nothing has come on a kept stream, and the program is still there.
            OSError: the program has gone.
        """
        sending = asyncio.create_task(self._pass_request(unsent), name="proxy-request")
        self._watch_for_movement()
        try:
            await self._pass_response()
            if self._exchange.response_is_complete and not self._exchange.request_is_complete:
                await self._wait_for_request(sending)
        finally:
            if self._idle is not None:
                self._idle.cancel()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    # --- towards the target ------------------------------------------------------------------
    async def _pass_request(self, unsent: bytes) -> None:
        """Pass the rest of the request, then see whether the program stays."""
        exchange = self._exchange
        try:
            await self._write(unsent)
            while not exchange.request_is_complete:
                data = await self._program.read()
                self._has_moved = True
                if data:
                    await self._write(exchange.receive_from_program(data))
                else:
                    exchange.program_ended()
                if exchange.failure is not None:
                    self._stream.abort()
                    return
            if not exchange.response_is_complete:
                await self._watch_program()
        except StreamError:
            exchange.program_has_gone()
            self._stream.abort()

    async def _write(self, data: bytes) -> None:
        """Pass bytes on; drop them once the target takes no more, since its response may be on its way."""
        if not data or self._takes_no_more:
            return
        self._context.count_sent(len(data))
        try:
            await self._stream.write(data)
        except StreamError:
            self._takes_no_more = True

    async def _watch_program(self) -> None:
        """Take the beginning of its next request. At its end, tell the target after a while.

        A program that has ended its direction may still read, or may have gone; and a target that hears of it may give
        up the response.
        """
        if data := await self._program.read():
            self._exchange.receive_from_program(data)
            return
        await asyncio.sleep(self._context.settings.proxy_half_closed_seconds)
        self.has_told_end = True
        self._stream.write_eof()
        self._idle_seconds = self._context.settings.proxy_given_up_seconds
        self._watch_for_movement()

    async def _wait_for_request(self, sending: asyncio.Task[None]) -> None:
        """The response came before the request was complete, and the program goes on sending, or does not."""
        while not sending.done():
            self._has_moved = False
            await asyncio.wait({sending}, timeout=_LINGER_SECONDS)
            if not self._has_moved:
                return

    # --- towards the program -----------------------------------------------------------------
    async def _pass_response(self) -> None:
        exchange, program = self._exchange, self._program
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

    def _watch_for_movement(self) -> None:
        """Give up when nothing has moved for long, at the cost of one flag for each piece."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._look)

    def _look(self) -> None:
        if not self._has_moved:
            self._program.reset()
            self._stream.abort()
            return
        self._has_moved = False
        self._watch_for_movement()
