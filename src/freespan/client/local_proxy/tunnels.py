"""A conversation of one request, whose connection then is spliced with its stream: SOCKS, and CONNECT of HTTP."""

from __future__ import annotations

import asyncio
import logging

from freespan.client.local_proxy.conversation import Program, ProxyContext
from freespan.client.local_proxy.hanging_up import unless_it_hangs_up
from freespan.client.local_proxy.request import ProxyRequest, RequestParser
from freespan.tunnel.splice import Direction, splice
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError

_log = logging.getLogger(__name__)


class TunnelConversation:
    """Feeds a parser until it has a request, and serves that."""

    def __init__(self, program: Program, context: ProxyContext, parser: RequestParser) -> None:
        self._program = program
        self._context = context
        self._parser = parser

    async def run(self, first: bytes) -> None:
        """See `Conversation`."""
        async with asyncio.timeout(self._context.settings.proxy_request_seconds):
            request = await self._read_request(first)
        await serve_tunnel(request, self._program, self._context)

    async def _read_request(self, data: bytes) -> ProxyRequest:
        """Raises `RequestError`, or `EOFError` when the program has gone."""
        while True:
            try:
                request = self._parser.receive_data(data)
            finally:
                # even before an error: the bytes before it may call for a reply
                self._program.send(self._parser.data_to_send())
            if request is not None:
                return request
            data = await self._program.read()


async def serve_tunnel(request: ProxyRequest, program: Program, context: ProxyContext) -> None:
    """Open the stream that was asked for, say so, and copy until both directions have ended; or refuse."""
    try:
        opening = context.client.lend_stream(request.target, request.first_bytes)
        lent = await unless_it_hangs_up(program, opening, context.settings)
    except StreamError as error:
        _log.info("a connection was not opened: %s", error.status.sentence())  # SOCKS has a number for it
        await program.refuse(request.refused(error.status))
        return
    try:
        program.send(request.accepted)
        await splice_with(lent.stream, program, context)
    finally:
        lent.release()


async def splice_with(stream: TunnelStream, program: Program, context: ProxyContext) -> None:
    """Copy until both directions have ended."""
    await splice(
        upload=Direction(program.connection, stream, context.count_sent),
        download=Direction(stream, program.connection, context.count_received),
        reset=program.connection.reset,
        idle_seconds=context.settings.tunnel.stream_idle_seconds,
        half_closed_seconds=context.settings.proxy_given_up_seconds,
    )
