"""The egress' door: WebSocket `/v1/egress`, one session each, whose streams are CONNECTs (RFC 9114 section 4.4)."""

from __future__ import annotations

import asyncio

from aiohttp import web

from freespan.egress.dialler import Dialler
from freespan.link.base import Link
from freespan.link.websocket import WebSocketLink
from freespan.observe.counters import HostCounters
from freespan.tunnel.identity import Identity
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.relay import relay
from freespan.tunnel.server import Handler, ServerSession
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import TicketStore
from freespan.wire.errors import InputError, StreamError
from freespan.wire.limits import LINKS_WITHOUT_SESSION_MAX, MESSAGE_MAX, PING_SECONDS, SESSIONS_MAX
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_target


class Egress:
    """Handlers of one egress."""

    def __init__(self, identity: Identity, dialler: Dialler, counters: HostCounters) -> None:
        self._identity = identity
        self._dialler = dialler
        self._counters = counters
        self._tickets = TicketStore()
        self._sessions: set[ServerSession] = set()
        self._without_handshake: dict[ServerSession, None] = {}  # the oldest first

    def routes(self) -> list[web.RouteDef]:
        """The one door."""
        return [web.get("/v1/egress", self.handle_link)]

    async def handle_link(self, request: web.Request) -> web.StreamResponse:
        """One link, from its first packet to its end."""
        if len(self._sessions) >= SESSIONS_MAX:
            raise web.HTTPServiceUnavailable(text="the egress is full: come back in a moment")
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=MESSAGE_MAX + 1, compress=False)
        await socket.prepare(request)
        link = WebSocketLink(socket)
        session = _Session(self._identity, link, self._serve_stream, self._tickets, self._without_handshake)
        self._sessions.add(session)
        self._make_place()
        self._counters.sessions.inc()
        running = asyncio.create_task(link.run(), name="egress-link")
        try:
            await session.serve()
        finally:
            # first of all: this handler is cancelled in the wait below when the other end goes
            self._sessions.discard(session)
            self._without_handshake.pop(session, None)
            self._counters.sessions.dec()
            link.close("the session has ended")
            await running
        return socket

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._sessions):
            session.close("the egress is stopping")

    def _make_place(self) -> None:
        """Whoever just holds a link open must not keep readers out: a real one needs its place for a moment only."""
        while len(self._without_handshake) > LINKS_WITHOUT_SESSION_MAX:
            oldest = next(iter(self._without_handshake))
            del self._without_handshake[oldest]
            self._sessions.discard(oldest)
            oldest.close("too many links without a session")

    async def _serve_stream(self, session: ServerSession, stream: TunnelStream) -> None:
        with self._counters.streams.track_inprogress():
            try:
                reader, writer = await self._dialler.dial(_target_of(stream), session)
            except StreamError as error:
                self._counters.refused.labels(error.status.error).inc()
                session.refuse(stream, error.status)
                return
            try:
                session.accept(stream)
                up, down = self._counters.relayed.labels("up"), self._counters.relayed.labels("down")
                await relay(stream, reader, writer, count_from_stream=up.inc, count_to_stream=down.inc)
            finally:
                writer.close()


class _Session(ServerSession):
    """Stands in `waiting` until its handshake is complete."""

    def __init__(
        self,
        identity: Identity,
        link: Link,
        handler: Handler,
        tickets: TicketStore,
        waiting: dict[ServerSession, None],
    ) -> None:
        super().__init__(identity, link, handler, tickets)
        self._waiting = waiting
        waiting[self] = None

    def _handshake_completed(self, quic: LinkQuic) -> None:
        super()._handshake_completed(quic)
        self._waiting.pop(self, None)


def _target_of(stream: TunnelStream) -> Target:
    headers = dict(stream.headers)
    if headers.get(b":method") != b"CONNECT" or b":protocol" in headers:
        raise StreamError(ProxyStatus("http_request_error"))
    try:
        return parse_target(headers[b":authority"].decode("ascii"))
    except (InputError, KeyError, UnicodeDecodeError):
        raise StreamError(ProxyStatus("http_request_error")) from None
