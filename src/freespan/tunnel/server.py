"""The egress' end of a session: proves its key, hands each CONNECT to a handler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aioquic.h3.connection import ProtocolError

from freespan.link.base import Link
from freespan.tunnel.http3 import PlainHttp
from freespan.tunnel.identity import Identity
from freespan.tunnel.quic import LinkQuic, server_quic
from freespan.tunnel.session import Session
from freespan.tunnel.stream import Headers, TunnelStream
from freespan.tunnel.tickets import TicketStore
from freespan.wire.errors import TunnelError
from freespan.wire.limits import HANDSHAKE_SECONDS, STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus

Handler = Callable[["ServerTunnel", TunnelStream], Awaitable[None]]


class ServerTunnel(Session):
    """Serves streams with `handler`, one task each, until the link ends.

    Those of a client with a ticket of `tickets` come with its first packet. Without a store all sessions begin anew.
    """

    def __init__(self, identity: Identity, link: Link, handler: Handler, tickets: TicketStore | None = None) -> None:
        super().__init__(link)
        self._identity = identity
        self._tickets = tickets
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Run until the session ends; its streams' tasks have ended too then."""
        self._link.start(self)
        limit = self._loop.call_later(HANDSHAKE_SECONDS, self._end_without_handshake)
        try:
            await self.wait_ended()
        finally:
            limit.cancel()
            self.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def accept(self, stream: TunnelStream) -> None:
        """Tell the client that its stream is open."""
        self._respond(stream, [(b":status", b"200")], end=False)

    def refuse(self, stream: TunnelStream, status: ProxyStatus) -> None:
        """Tell the client why its stream is not opened."""
        headers = [(b":status", str(status.http_status).encode()), (b"proxy-status", status.header().encode())]
        self._respond(stream, headers, end=True)

    def _respond(self, stream: TunnelStream, headers: Headers, *, end: bool) -> None:
        if self._http is not None and not self.is_over:
            try:
                self._http.send_headers(stream.id, headers, end_stream=end)
            except (ProtocolError, RuntimeError, ValueError):
                return  # the client has given it up in this very moment
            if end:
                stream.end_sent()
            self._flush_soon()

    def _end_without_handshake(self) -> None:
        if not self._established:
            self.close("no handshake in time")

    def _accept(self, first_message: bytes) -> LinkQuic | None:
        try:
            self._quic = server_quic(self._identity, first_message, self._tickets)
        except TunnelError as error:
            self.close(str(error))
        return self._quic

    def _protocol_negotiated(self, quic: LinkQuic) -> None:
        self._http = PlainHttp(quic)

    def _request_received(self, stream_id: int, headers: Headers, *, ended: bool) -> None:
        if b":method" not in dict(headers):
            return  # trailers of a stream that has been served
        stream = self._new_stream(stream_id)
        stream.receive_headers(headers)
        if ended:
            stream.receive_end()
        if len(self._streams) > 2 * STREAMS_MAX:  # opened and reset in a hurry: QUIC counts none of them
            self.refuse(stream, ProxyStatus("connection_limit_reached"))
            self.release(stream)
            return
        task = asyncio.create_task(self._run(stream), name="egress-stream")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, stream: TunnelStream) -> None:
        try:
            await self._handler(self, stream)
        finally:
            self.release(stream)
