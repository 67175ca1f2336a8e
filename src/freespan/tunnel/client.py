"""The client's end of a session: says hello, checks the key, opens streams."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

from aioquic.tls import SessionTicket

from freespan.link.base import Link
from freespan.tunnel.http3 import PlainHttp
from freespan.tunnel.quic import PEER, LinkQuic, client_quic
from freespan.tunnel.session import Session
from freespan.tunnel.stream import Headers, TunnelStream
from freespan.tunnel.tickets import TicketJar
from freespan.wire.errors import StreamError, TunnelError, WrongKeyError
from freespan.wire.limits import HANDSHAKE_SECONDS, KEEPALIVE_SECONDS, STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus, parse_proxy_status
from freespan.wire.target import Target


class ClientTunnel(Session):
    """Open with `start`, then any number of `connect`; with a ticket in `tickets`, these need not wait for `start`."""

    def __init__(self, egress_key: bytes, link: Link, tickets: TicketJar | None = None) -> None:
        super().__init__(link)
        self._egress_key = egress_key
        self._tickets = tickets
        self._wrong_key = False
        self._begun = False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._slots = asyncio.Semaphore(STREAMS_MAX)
        self._keepalive: asyncio.TimerHandle | None = None

    def begin(self) -> bool:
        """Say hello; true when streams may be opened from now on, and their requests travel along in the first flight.

        Only the egress can read those. `start` must follow: it says how it went, and ends the session, with all its
        streams, if it went wrong. An egress that would not take requests so early gets them after the handshake.
        """
        self._begun = True
        self._link.start(self)
        if self._tickets is None:
            quic = client_quic()
        else:
            quic = client_quic(self._tickets.take(self._egress_key), self._keep_ticket)
        quic.connect(PEER, now=self._loop.time())
        self._quic = quic
        if quic.is_early:
            self._http = PlainHttp(quic)
        self._flush_soon()
        return quic.is_early

    async def start(self) -> None:
        """Do the handshake, whose first part may have been done by `begin`.

        Raises:
            WrongKeyError: the egress has another key than the invite names.
            TunnelError: no egress answered, or the link ended.
        """
        if not self._begun:
            self.begin()
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._opened_or_ended()
        except TimeoutError:
            self.close("the handshake took too long")
        except asyncio.CancelledError:
            self.close("given up")
            raise
        if self._wrong_key:
            raise WrongKeyError
        if self._ended.done():
            raise TunnelError(f"no session with the egress: {self._ended.result()}")
        self._keep_alive()

    async def connect(self, target: Target, first_bytes: bytes = b"") -> TunnelStream:
        """Open a stream to `target` (HTTP/3 CONNECT, RFC 9114 section 4.4); `first_bytes` travel with the request.

        The caller gives the stream back with `release`, and sets the time limit.

        Raises:
            StreamError: the egress refused, with its Proxy-Status; or the session is over.
        """
        return await self._request([(b":method", b"CONNECT"), (b":authority", str(target).encode())], first_bytes)

    async def get(self, path: str, size: int) -> bytes:
        """Ask the egress itself for the `size` bytes at `path` (HTTP/3 GET).

        Raises:
            StreamError: it has no such thing, or the session is over; the caller sets the time limit.
        """
        asked = ((b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"egress"), (b":path", path.encode()))
        stream = await self._request(list(asked))
        try:
            answer = b""
            while len(answer) <= size and (data := await stream.read()):
                answer += data
        finally:
            self.release(stream)
        if len(answer) != size:
            raise StreamError(ProxyStatus("http_protocol_error"))
        return answer

    async def _request(self, headers: Headers, first_bytes: bytes = b"") -> TunnelStream:
        await self._slots.acquire()
        http, quic = self._http, self._quic
        if http is None or quic is None or self.is_over:
            self._slots.release()
            raise StreamError(ProxyStatus("destination_unavailable"))
        stream = self._new_stream(quic.get_next_available_stream_id())
        try:
            http.send_headers(stream.id, headers)
            if first_bytes:
                self.send_stream(stream.id, first_bytes, end=False)
            self._flush_soon()
            answer = dict(await stream.wait_headers())
            if answer[b":status"] != b"200":
                raise StreamError(parse_proxy_status(answer.get(b"proxy-status", b"").decode("latin-1")))
        except BaseException:
            self.release(stream)
            raise
        return stream

    def release(self, stream: TunnelStream) -> None:
        """See `Session.release`; another stream may take its place."""
        if stream.id in self._streams:
            super().release(stream)
            self._slots.release()

    async def _opened_or_ended(self) -> None:
        both: set[asyncio.Future[Any]] = {self._opened, self._ended}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)

    def _handshake_completed(self, quic: LinkQuic) -> None:
        if not self._is_our_egress(quic):
            self._wrong_key = True
            self.close("the egress has another key than the invite")
            return
        if self._http is None:
            self._http = PlainHttp(quic)
        quic.send_rejected_again(self._loop.time())
        self._opened.set_result(None)

    def _is_our_egress(self, quic: LinkQuic) -> bool:
        """A ticket's secret is as good as the key: the session that it is from has compared that."""
        return quic.is_resumed or hmac.compare_digest(quic.peer_pin, self._egress_key)

    def _keep_ticket(self, ticket: SessionTicket) -> None:
        """A ticket may come in one packet with the end of the handshake, before the key was looked at."""
        if self._tickets is not None and self._quic is not None and self._is_our_egress(self._quic):
            self._tickets.put(self._egress_key, ticket)

    def _keep_alive(self) -> None:
        """Keep QUIC from taking an idle session for a dead one; whether links live is the matter of the link below."""
        if self._quic is None or self.is_over:
            return
        self._quic.send_ping(0)
        self._flush_soon()
        self._keepalive = self._loop.call_later(KEEPALIVE_SECONDS, self._keep_alive)

    def _end(self, reason: str) -> None:
        super()._end(reason)
        if self._keepalive is not None:
            self._keepalive.cancel()
