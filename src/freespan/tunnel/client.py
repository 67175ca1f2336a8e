"""The client's end of a session: begins the handshake, checks the egress' key, opens streams."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

from aioquic.quic.events import HandshakeCompleted
from aioquic.tls import SessionTicket

from freespan.link.base import Link
from freespan.link.bond.events import FULL, NOT_OPENED
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.driver import HOST_FULL, QuicDriver, TunnelEnded, TunnelEvent
from freespan.tunnel.quic import PEER, LinkQuic, client_quic
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import Headers, TunnelStream
from freespan.tunnel.streams import StreamTable
from freespan.tunnel.tickets import TicketJar
from freespan.wire.denial import HOST_FULL as FULL_CODE
from freespan.wire.errors import HostFullError, NotAdmittedError, StreamError, TunnelError, WrongKeyError
from freespan.wire.limits import STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus, parse_proxy_status
from freespan.wire.target import Target


class ClientTunnel:
    """Open it with `start`, then open any number of streams with `connect`.

    With a ticket in `tickets` for this egress, streams can be opened after `begin`, before `start` has returned.
    """

    def __init__(
        self, egress_key: bytes, link: Link, tickets: TicketJar | None = None, settings: TunnelSettings | None = None
    ) -> None:
        self._egress_key = egress_key
        self._tickets = tickets
        self._settings = settings = settings or TunnelSettings()
        self._wrong_key = False
        self._begun = False
        writers = DrainWaiters(settings.stream_unsent_max, settings.session_unsent_max)
        self._driver = QuicDriver(link, self._on_event, writers)
        self._streams = StreamTable(self._driver, writers, settings)
        self._loop = asyncio.get_running_loop()
        self._established: asyncio.Future[None] = self._loop.create_future()
        self._slots = asyncio.Semaphore(STREAMS_MAX)
        self._keepalive: asyncio.TimerHandle | None = None

    # --- the session -------------------------------------------------------------------------
    @property
    def is_over(self) -> bool:
        """Whether the session has ended."""
        return self._driver.is_over

    @property
    def bytes_received(self) -> int:
        """The size of all datagrams that have come from the egress."""
        return self._driver.bytes_received

    @property
    def denial(self) -> NotAdmittedError | None:
        """That the host does not admit this invite, if it has proved to say so: now that the session is over."""
        denial = self._driver.denial
        return denial.error if denial is not None and denial.code != FULL_CODE else None

    async def wait_ended(self) -> str:
        """Wait for the end; returns the reason, one phrase for a person."""
        return await self._driver.wait_ended()

    def close(self, reason: str = "closed") -> None:
        """End the session and its link; streams are cut."""
        self._driver.close(reason)

    def begin(self) -> bool:
        """Send the first flight of the handshake; returns whether requests can be sent from now on (0-RTT).

        Early requests travel in the first flight, and only the egress can read them. If it does not accept them so
        early, they are sent again after the handshake. `start` must follow: it reports how the handshake went, and
        ends the session, with all its streams, if it failed.
        """
        self._begun = True
        in_order = self._driver.is_link_in_order
        if self._tickets is None:
            quic = client_quic(self._settings, in_order=in_order)
        else:
            ticket = self._tickets.take(self._egress_key)
            quic = client_quic(self._settings, ticket, self._keep_ticket, in_order=in_order)
        quic.connect(PEER, now=self._loop.time())
        self._driver.start(quic)
        if quic.is_early:
            self._streams.begin_http(quic)
        return quic.is_early

    async def start(self) -> None:
        """Complete the handshake, which `begin` may have begun.

        Raises:
            NotAdmittedError: the host does not admit this invite.
            WrongKeyError: the egress has another key than the invite names, or cannot open what is sealed for it.
            HostFullError: the host has no room for a session.
            TunnelError: no egress answered, or the link ended.
        """
        if not self._begun:
            self.begin()
        try:
            async with asyncio.timeout(self._settings.handshake_seconds):
                await self._established_or_ended()
        except TimeoutError:
            self.close("the handshake took too long")
        except asyncio.CancelledError:
            self.close("given up")
            raise
        if self._wrong_key:
            raise WrongKeyError
        if self._driver.ended.done():
            reason = self._driver.ended.result()
            if self.denial is not None:
                raise self.denial
            if reason == NOT_OPENED:
                raise WrongKeyError
            kind = HostFullError if reason in (FULL, HOST_FULL) else TunnelError
            raise kind(f"no session with the egress: {reason}")
        self._keep_alive()

    # --- streams -----------------------------------------------------------------------------
    async def connect(self, target: Target, first_bytes: bytes = b"") -> TunnelStream:
        """Open a stream to `target` (HTTP/3 CONNECT, RFC 9114 section 4.4); `first_bytes` travel with the request.

        The caller gives the stream back with `release`, and sets the time limit.

        Raises:
            StreamError: the egress refused, with its Proxy-Status; all places are taken; or the session is over.
        """
        return await self._request([(b":method", b"CONNECT"), (b":authority", str(target).encode())], first_bytes)

    async def get(self, path: str, size: int) -> bytes:
        """Ask the egress itself for the `size` bytes at `path` (HTTP/3 GET). The caller sets the time limit.

        Raises:
            StreamError: the egress has no such resource, or one of another size; or the session is over.
        """
        request = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"egress"), (b":path", path.encode())]
        stream = await self._request(request)
        try:
            answer = b""
            while len(answer) <= size and (data := await stream.read()):
                answer += data
        finally:
            self.release(stream)
        if len(answer) != size:
            raise StreamError(ProxyStatus("http_protocol_error"))
        return answer

    def release(self, stream: TunnelStream) -> None:
        """The user is done with a stream, and another one may take its place; what has not ended is cut."""
        if self._streams.release(stream):
            self._slots.release()

    async def _request(self, headers: Headers, first_bytes: bytes = b"") -> TunnelStream:
        try:
            async with asyncio.timeout(self._settings.place_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise _all_taken() from None
        http, quic = self._streams.http, self._driver.quic
        if http is None or quic is None or self.is_over:
            self._slots.release()
            raise StreamError(ProxyStatus("destination_unavailable"))
        stream = self._streams.open(quic.get_next_available_stream_id())
        try:
            http.send_headers(stream.id, headers)
            self._streams.announce_window(stream)
            if first_bytes:
                self._streams.send_data(stream.id, first_bytes, end=False)
            self._driver.flush_soon()
            response = dict(await self._response(stream))
            if response[b":status"] != b"200":
                raise StreamError(parse_proxy_status(response.get(b"proxy-status", b"").decode("latin-1")))
        except BaseException:
            self.release(stream)
            raise
        return stream

    async def _response(self, stream: TunnelStream) -> Headers:
        """The headers of the response; raises `StreamError` if the egress lets no further stream begin in time."""
        try:
            async with asyncio.timeout(self._settings.place_seconds):
                return await stream.wait_headers()
        except TimeoutError:
            if self._driver.quic is not None and self._driver.quic.is_blocked(stream.id):
                raise _all_taken() from None
        return await stream.wait_headers()

    # --- events ------------------------------------------------------------------------------
    def _on_event(self, event: TunnelEvent) -> None:
        if isinstance(event, HandshakeCompleted):
            self._handshake_completed()
        elif isinstance(event, TunnelEnded):
            if self._keepalive is not None:
                self._keepalive.cancel()
            self._streams.cut_all()
        else:
            self._streams.handle_event(event)

    def _handshake_completed(self) -> None:
        quic = self._driver.quic
        assert quic is not None
        if not self._is_right_egress(quic):
            self._wrong_key = True
            self.close("the egress has another key than the invite")
            return
        self._streams.begin_http(quic)
        quic.resend_rejected(self._loop.time())
        self._established.set_result(None)

    def _is_right_egress(self, quic: LinkQuic) -> bool:
        """A ticket's secret proves as much as the key, which was compared in the session that the ticket is from."""
        return quic.is_resumed or hmac.compare_digest(quic.peer_pin, self._egress_key)

    def _keep_ticket(self, ticket: SessionTicket) -> None:
        """A ticket may come in one packet with the end of the handshake, before the key has been compared."""
        quic = self._driver.quic
        if self._tickets is not None and quic is not None and self._is_right_egress(quic):
            self._tickets.put(self._egress_key, ticket)

    async def _established_or_ended(self) -> None:
        both: set[asyncio.Future[Any]] = {self._established, self._driver.ended}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)

    def _keep_alive(self) -> None:
        """Keep QUIC from taking an idle session for a dead one. Whether links are alive is the bond's business."""
        if self._driver.quic is None or self.is_over:
            return
        self._driver.quic.send_ping(0)
        self._driver.flush_soon()
        self._keepalive = self._loop.call_later(self._settings.keepalive_seconds, self._keep_alive)


def _all_taken() -> StreamError:
    return StreamError(ProxyStatus("connection_limit_reached", "tunnels"))
