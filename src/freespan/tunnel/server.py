"""The egress' end of a session: proves its key, and hands each request to a handler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aioquic.h3.connection import ErrorCode
from aioquic.quic.events import HandshakeCompleted, ProtocolNegotiated

from freespan.link.base import Link
from freespan.link.turns import Group
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.driver import QuicDriver, TunnelEnded, TunnelEvent
from freespan.tunnel.identity import Identity
from freespan.tunnel.quic import LinkQuic, server_quic
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.streams import StreamTable
from freespan.tunnel.tickets import Tickets
from freespan.wire.denial import Denial
from freespan.wire.limits import STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus

Handler = Callable[["ServerTunnel", TunnelStream], Awaitable[None]]


class ServerTunnel:
    """Serves streams with `handler`, one task each, until the link ends.

    `on_established` is called when the handshake is complete. With a store of `tickets`, requests are accepted with the
    first flight of a client that has one of them; without a store every session begins with a full handshake.
    Sessions with the same `turns` share the CPU.
    """

    def __init__(
        self,
        identity: Identity,
        link: Link,
        handler: Handler,
        tickets: Tickets | None = None,
        settings: TunnelSettings | None = None,
        on_established: Callable[[], None] | None = None,
        turns: Group | None = None,
    ) -> None:
        self._identity = identity
        self._tickets = tickets
        self._handler = handler
        self._settings = settings = settings or TunnelSettings()
        self._on_established = on_established
        self._tasks: set[asyncio.Task[None]] = set()
        writers = DrainWaiters(settings.stream_unsent_max, settings.session_unsent_max)
        self._driver = QuicDriver(link, self._on_event, writers, self._accept_connection, turns)
        self._streams = StreamTable(self._driver, writers, settings)

    @property
    def is_over(self) -> bool:
        """Whether the session has ended."""
        return self._driver.is_over

    @property
    def are_streams_many(self) -> bool:
        """Whether it has so many streams that each may keep less than it might alone."""
        return self._streams.are_many

    @property
    def held(self) -> int:
        """About how many bytes it keeps: datagrams that wait for their turn, and what its streams keep."""
        return self._driver.waiting_cost + self._streams.held

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after each turn of the session, in which `held` may have changed."""
        self._driver.on_change = on_change

    async def wait_ended(self) -> str:
        """Wait for the end; returns the reason, one phrase for a person."""
        return await self._driver.wait_ended()

    def close(self, reason: str = "closed") -> None:
        """End the session and its link; streams are cut."""
        self._driver.close(reason)

    def shed(self, reason: str) -> None:
        """End the session for want of room, and let the client know that it was for this."""
        self._driver.close(reason, ErrorCode.H3_EXCESSIVE_LOAD)

    def deny(self, denial: Denial) -> None:
        """End the session because of its invite, and let the client know why."""
        self._driver.deny(denial)

    async def serve(self) -> None:
        """Run until the session ends; the tasks of its streams have ended too then."""
        self._driver.start()
        seconds = self._settings.handshake_seconds
        limit = asyncio.get_running_loop().call_later(seconds, self._end_without_handshake)
        try:
            await self.wait_ended()
        finally:
            limit.cancel()
            self.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._handler, self._on_established = _nothing_to_serve, None  # they refer to the owner of this tunnel

    # --- for handlers ------------------------------------------------------------------------
    def accept(self, stream: TunnelStream) -> None:
        """Tell the client that its stream is open."""
        self._streams.send_headers(stream, [(b":status", b"200")], end=False)

    def refuse(self, stream: TunnelStream, status: ProxyStatus) -> None:
        """Tell the client why its stream is not opened."""
        headers = [(b":status", str(status.http_status).encode()), (b"proxy-status", status.header().encode())]
        self._streams.send_headers(stream, headers, end=True)

    # --- events ------------------------------------------------------------------------------
    def _accept_connection(self, first_message: bytes) -> LinkQuic:
        in_order = self._driver.is_link_in_order
        return server_quic(self._identity, first_message, self._settings, self._tickets, in_order=in_order)

    def _on_event(self, event: TunnelEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            assert self._driver.quic is not None
            self._streams.begin_http(self._driver.quic)  # so early, for requests in the client's first flight
        elif isinstance(event, HandshakeCompleted):
            if self._on_established is not None:
                self._on_established()
        elif isinstance(event, TunnelEnded):
            self._streams.cut_all()
        else:
            for stream in self._streams.handle_event(event):
                self._serve_stream(stream)

    def _serve_stream(self, stream: TunnelStream) -> None:
        if len(self._streams.by_id) > 2 * STREAMS_MAX:  # opened and reset in a hurry: QUIC counts none of those
            self.refuse(stream, ProxyStatus("connection_limit_reached", "tunnels"))
            self._streams.release(stream)
            return
        task = asyncio.create_task(self._run_handler(stream), name="egress-stream")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_handler(self, stream: TunnelStream) -> None:
        try:
            await self._handler(self, stream)
        finally:
            self._streams.release(stream)

    def _end_without_handshake(self) -> None:
        if not self._driver.is_established:
            self.close("no handshake in time")


async def _nothing_to_serve(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    """The handler of a session that is over."""
