"""Takes connections to a host from the system, and hands them on to TLS and HTTP.

accepted ── counted by source ──▶ TLS handshake ──▶ HTTP
            (`connections.py`)
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable
from time import perf_counter
from typing import cast

from aiohttp import web

from freespan.api.connections import Connections
from freespan.api.paced_connections import READ_SIZE, Account, PacedConnection
from freespan.observe.garbage import release_transport

_CLOSED_AT_ONCE = 32
"""Connections of greedy sources that are closed in a row, before others get their turn."""
_READ_SECONDS = 100e-6
_BYTE_SECONDS = 8e-9
"""What reading honest data with TLS costs, its parsing included: something each time, and something for each byte."""


class Tls:
    """What a new connection is secured with. `context` may be replaced at any time; open connections keep theirs."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context


def accepting(
    connections: Connections, make_handler: Callable[[], web.RequestHandler], tls: Tls | None
) -> Callable[[], asyncio.Protocol]:
    """A factory of protocols for `loop.create_server` without TLS; `make_handler` makes those for HTTP."""
    if tls is not None:
        connections.expect_tls()
    return lambda: _Accepted(connections, make_handler, tls)


class ListeningSocket(socket.socket):
    """Closes what a source may not open, before asyncio spends ten times as long on making a transport for it."""

    def __init__(self, connections: Connections, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self._connections = connections

    def accept(self) -> tuple[socket.socket, object]:
        """The next connection that may be open; raises `BlockingIOError` if there is none, or too many are closed."""
        self._connections.looks_at_sockets = True
        for _ in range(_CLOSED_AT_ONCE):
            connection, peer = super().accept()
            if self._connections.may_open(self._connections.source_of_peer(peer)):
                return connection, peer
            connection.close()
        raise BlockingIOError


class _Accepted(asyncio.Protocol):
    """A connection from its first moment on; it becomes one for TLS or for HTTP."""

    def __init__(
        self, connections: Connections, make_handler: Callable[[], web.RequestHandler], tls: Tls | None
    ) -> None:
        self._connections = connections
        self._make_handler = make_handler
        self._tls = tls
        self._handler: web.RequestHandler | None = None
        self._is_open = False
        self._securing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        source = self._connections.source_of(transport)
        if not self._connections.looks_at_sockets and not self._connections.may_open(source):
            transport.abort()
            return
        handler = self._handler = self._make_handler()
        if not self._connections.hold(handler, transport, source):
            return
        if self._tls is not None:
            transport.pause_reading()
            self._securing = asyncio.create_task(self._secure(transport, handler, self._tls.context), name="host-tls")
            return
        self._is_open = True
        handler.connection_made(transport)

    async def _secure(self, transport: asyncio.Transport, handler: web.RequestHandler, tls: ssl.SSLContext) -> None:
        await self._connections.wait_for_tls(handler)
        if not transport.is_closing():
            secured = _Tls(self._connections, handler, tls)
            transport.set_protocol(secured)
            secured.connection_made(transport)
            transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._is_open and self._handler is not None:
            self._handler.data_received(data)

    def eof_received(self) -> None:
        if self._is_open and self._handler is not None:
            self._handler.eof_received()

    def pause_writing(self) -> None:
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        if self._handler is not None:
            self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._securing is not None:
            self._securing.cancel()
        if self._handler is None:
            return
        self._connections.release(self._handler)
        if self._is_open:
            self._handler.connection_lost(exc)


class _Tls(sslproto.SSLProtocol):
    """TLS of one connection, with a smaller buffer than asyncio's: a silent connection would cost 256 KiB.

    It is read in the turns of its source, as `paced_connections` has it.
    """

    max_size = 64 * 1024
    # private to asyncio
    _incoming: ssl.MemoryBIO
    _ssl_buffer_view: memoryview
    _app_reading_paused: bool
    _ssl_reading_paused: bool

    def __init__(self, connections: Connections, handler: web.RequestHandler, tls: ssl.SSLContext) -> None:
        self._connections = connections
        self._handler = handler
        self._account: Account | None = None
        self._read_size = self.max_size
        self.is_held_back = False
        super().__init__(
            asyncio.get_running_loop(),
            handler,
            tls,
            None,  # type: ignore[arg-type]  # nobody waits for the handshake
            server_side=True,
            ssl_handshake_timeout=connections.limits.tls_handshake,  # type: ignore[arg-type]  # any number of seconds
            ssl_shutdown_timeout=connections.limits.tls_shutdown,
        )
        # what waits for the HTTP parser; less than the longest record would never be a whole one
        self._set_read_buffer_limits(high=self.max_size, low=self.max_size // 2)  # type: ignore[attr-defined]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(self._handler, PacedConnection):
            self._account = self._handler.secured_by(self, transport)
        super().connection_made(transport)

    def get_buffer(self, n: int) -> memoryview:
        return super().get_buffer(n)[: self._read_size]

    def buffer_updated(self, nbytes: int) -> None:
        if self.is_held_back or (self._account is not None and self._account.must_wait):
            self._incoming.write(self._ssl_buffer_view[:nbytes])
            if not self.is_held_back and self._account is not None:
                self._account.wait(self)
        else:
            self._work_on(nbytes)

    def _work_on(self, nbytes: int) -> None:
        """Decrypt and parse what has come, and note what that has cost."""
        began, size = perf_counter(), self._incoming.pending + nbytes
        super().buffer_updated(nbytes)
        taken = perf_counter() - began
        spent = taken - size * _BYTE_SECONDS - _READ_SECONDS
        self._read_size = READ_SIZE if spent > 0 else self.max_size
        if self._account is not None:
            self._account.note(taken)
            if spent > 0:
                self._account.spend(spent, self)

    def _do_read(self) -> None:
        if not self.is_held_back:
            super()._do_read()  # type: ignore[misc]

    def _resume_reading(self) -> None:
        if self._app_reading_paused:
            self._app_reading_paused = False
            self._loop.call_soon(self.buffer_updated, 0)

    def hold_back(self) -> None:
        """Work on nothing that has come or comes."""
        self.is_held_back = True
        self._read_size = READ_SIZE
        if self._transport is not None:
            cast(asyncio.Transport, self._transport).pause_reading()

    def read_on(self) -> None:
        """Work on what has come, and then on what comes."""
        self.is_held_back = False
        if self._transport is None:
            return
        self._work_on(0)
        if not self.is_held_back and not self._ssl_reading_paused and self._transport is not None:
            cast(asyncio.Transport, self._transport).resume_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        transport = self._transport
        self._connections.release(self._handler)
        super().connection_lost(exc)
        if isinstance(self._handler, PacedConnection):
            self._handler.outer = None
        self._account = None
        release_transport(transport)
