"""The egress' WebSocket, `/v1/egress`: each connection is a link, and each stream on it a request to serve.

A request is a CONNECT to a target (RFC 9114 section 4.4), or a GET for the key of its session.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Iterator
from functools import partial

from aiohttp import web

from freespan.egress.allowances import Allowances, Meter, Spender
from freespan.egress.bounds import StreamPlace, dials, sockets
from freespan.egress.dialer import Dialer
from freespan.egress.guests import Guests
from freespan.egress.origins import BridgeDirectory, Origin, Origins
from freespan.egress.pace import InPace
from freespan.egress.policy import Policy
from freespan.egress.session import EgressSession
from freespan.egress.sessions import Sessions
from freespan.egress.settings import EgressSettings
from freespan.egress.stream_turns import InTurn, StreamTurns
from freespan.link.turns import Turns
from freespan.link.websocket import WebSocketLink
from freespan.observe.counters import HostCounters
from freespan.observe.garbage import release_protocol
from freespan.observe.ledger import Ledger
from freespan.sources.requests import SourceReader
from freespan.tunnel.identity import Identity
from freespan.tunnel.splice import Direction, TcpConnection, splice
from freespan.tunnel.stream import TunnelStream
from freespan.wire.addresses import Address
from freespan.wire.bond_frames import KEY_PATH
from freespan.wire.errors import InputError, StreamError
from freespan.wire.limits import MESSAGE_MAX, PING_SECONDS
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_target


class Egress:
    """The routes of one egress, and its sessions."""

    def __init__(
        self,
        identity: Identity,
        dialer: Dialer,
        counters: HostCounters,
        settings: EgressSettings | None = None,
        sources: SourceReader | None = None,
        bridges: BridgeDirectory | None = None,
        ledger: Ledger | None = None,
        turns: Turns | None = None,
        guests: Guests | None = None,
    ) -> None:
        self._dialer = dialer
        self._counters = counters
        self._settings = settings = settings or EgressSettings()
        self._sockets = sockets(settings)
        self._dials = dials(settings)
        self._allowances = Allowances(settings, lambda: asyncio.get_running_loop().time())
        self._stream_turns = StreamTurns()
        self._connected: dict[StreamPlace, tuple[Target, Address]] = {}
        self._origins = Origins(sources or SourceReader(), bridges)
        self._sessions = Sessions(
            identity, self._serve_stream, counters.sessions.inc, settings, self._origins, ledger, turns, guests
        )

    def routes(self) -> list[web.RouteDef]:
        """The only route."""
        return [web.get("/v1/egress", self.handle_link)]

    async def handle_link(self, request: web.Request) -> web.StreamResponse:
        """Serve one link, from its first message to its end."""
        origin = self._origins.of(request)
        socket = web.WebSocketResponse(
            heartbeat=PING_SECONDS, max_msg_size=MESSAGE_MAX + 1, compress=False, autoping=False
        )
        link = WebSocketLink(socket)
        if not self._sessions.count_link(link, origin) and not self._sessions.count_turned_away(link, origin):
            raise web.HTTPServiceUnavailable(text="the egress is full: come back in a moment")
        try:
            await socket.prepare(request)
            await self._serve_link(link, origin)
        finally:
            self._sessions.link_has_ended(link)
            release_protocol(request.protocol)
        return socket

    async def _serve_link(self, link: WebSocketLink, origin: Origin) -> None:
        link.share_turns(self._sessions.turns_of(origin).share())
        running = asyncio.create_task(link.run(), name="egress-link")
        try:
            await self._sessions.take(link, origin)
            await asyncio.shield(running)
        finally:
            # this handler is cancelled while it waits above, when the other end goes
            link.close("the link is gone")
            await running

    def change_policy(self, policy: Policy) -> None:
        """Judge by another policy from now on. What is connected and may not be any more is cut."""
        self._dialer.policy = policy
        for place, connected in list(self._connected.items()):
            try:
                self._check(*connected)
            except StreamError as error:
                place.put_out(error.status)

    def _check(self, target: Target, address: Address) -> None:
        """Raise `StreamError` unless the policy of now allows both."""
        policy = self._dialer.policy
        if refusal := policy.check_target(target) or policy.check_address(address):
            raise StreamError(refusal)

    def close(self) -> None:
        """End all sessions."""
        self._sessions.close()

    async def stop(self) -> None:
        """End all sessions, and wait until nothing of them is left. No requests may come any more."""
        await self._sessions.stop()

    async def _serve_stream(self, session: EgressSession, stream: TunnelStream) -> None:
        if _is_for_session_key(stream):
            await _send_session_key(session, stream)
            return
        with self._counters.streams.track_inprogress():
            is_open = False
            place = StreamPlace(session.share, is_invited=session.guest.is_invited)
            spender = Spender(session.key.id, session.share.network, session.guest.id)
            try:
                if (wait := self._allowances.open(spender)) > 0:
                    await asyncio.sleep(wait)
                await self._stream_turns.open(session.streams_share)
                with place.among(self._sockets):
                    with place.among(self._dials):
                        target = _target_of(stream)
                        narrow = partial(self._allowances.connect, spender)
                        opened = await self._dialer.dial(
                            target, session.share, narrow, is_invited=session.guest.is_invited
                        )
                        reads_ahead = partial(_reads_ahead, session)
                        connection = TcpConnection(*opened, session.hold_in_sockets, reads_ahead)
                    with self._noting(place, target, opened[1]):
                        is_open = True
                        await self._serve_connection(session, stream, connection, Meter(self._allowances, spender))
            except StreamError as error:
                self._counters.refused.labels(error.status.error).inc()
                if not is_open:
                    session.tunnel.refuse(stream, error.status)

    @contextlib.contextmanager
    def _noting(self, place: StreamPlace, target: Target, writer: asyncio.StreamWriter) -> Iterator[None]:
        """Note where a stream is connected to, for the length of the block.

        Raises:
            StreamError: the policy has changed while it was being connected, and does not allow it any more.
        """
        try:
            if peer := writer.get_extra_info("peername"):  # None if the connection has ended at this very moment
                address = ipaddress.ip_address(peer[0].partition("%")[0])
                self._connected[place] = target, address
                try:
                    self._check(target, address)
                except StreamError:
                    writer.close()
                    raise
            yield
        finally:
            self._connected.pop(place, None)

    async def _serve_connection(
        self, session: EgressSession, stream: TunnelStream, connection: TcpConnection, meter: Meter
    ) -> None:
        try:
            session.tunnel.accept(stream)
            uploaded, downloaded = (self._counters.transferred.labels(way).inc for way in ("upload", "download"))
            guest = session.guest
            from_target = InTurn(connection, self._stream_turns, session.streams_share)

            def count_upload(size: int) -> None:
                uploaded(size)
                guest.count(size, 0)
                meter.count(size)

            def count_download(size: int) -> None:
                downloaded(size)
                guest.count(0, size)
                meter.count(size)

            await splice(
                upload=Direction(InPace(stream, guest), connection, count_upload),
                download=Direction(InPace(from_target, guest, connection.not_reading), stream, count_download),
                reset=connection.reset,
                idle_seconds=self._settings.tunnel.stream_idle_seconds,
            )
            await connection.finish()
        finally:
            meter.settle()
            connection.close()


def _reads_ahead(session: EgressSession) -> bool:
    """Whether a target may be read ahead of the reader; what several hundred of them send would be too much."""
    return not session.tunnel.are_streams_many


def _is_for_session_key(stream: TunnelStream) -> bool:
    headers = dict(stream.headers)
    return headers.get(b":method") == b"GET" and headers.get(b":path") == KEY_PATH.encode()


async def _send_session_key(session: EgressSession, stream: TunnelStream) -> None:
    session.tunnel.accept(stream)
    with contextlib.suppress(StreamError):  # the client has gone at this very moment
        await stream.write(session.key.id + session.key.key)
        stream.write_eof()


def _target_of(stream: TunnelStream) -> Target:
    headers = dict(stream.headers)
    if headers.get(b":method") != b"CONNECT" or b":protocol" in headers:
        raise StreamError(ProxyStatus("http_request_error"))
    try:
        return parse_target(headers[b":authority"].decode("ascii"))
    except (InputError, KeyError, UnicodeDecodeError):
        raise StreamError(ProxyStatus("http_request_error")) from None
