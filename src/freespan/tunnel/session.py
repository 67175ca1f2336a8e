"""A session: drives QUIC and HTTP/3 over one link, for either end.

aioquic decides (it is sans-I/O); this shell feeds it messages and time, and carries out what it says. All messages that
arrive in one turn of the event loop are handled together and answered by one flush, and what can wait for the next
acknowledgement waits: at full speed a turn costs more than a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable

from aioquic.h3.connection import ErrorCode, ProtocolError
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    ProtocolNegotiated,
    QuicEvent,
    StopSendingReceived,
    StreamReset,
)

from freespan.link.base import Link
from freespan.tunnel.http3 import PlainHttp
from freespan.tunnel.quic import PEER, LinkQuic
from freespan.tunnel.stream import Headers, TunnelStream
from freespan.wire.limits import SESSION_WINDOW, STREAM_UNSENT_MAX, STREAM_WINDOW, STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus

_log = logging.getLogger(__name__)


class Session:
    """One end of a session; `ClientTunnel` and `ServerTunnel` add what differs. Owns its link."""

    def __init__(self, link: Link) -> None:
        self.bytes_received = 0
        self._link = link
        self._quic: LinkQuic | None = None
        self._http: PlainHttp | None = None
        self._established = False
        self._streams: dict[int, TunnelStream] = {}
        self._all_unread = 0
        self._spare_window = SESSION_WINDOW - STREAMS_MAX * STREAM_WINDOW
        self._drain_waiters: dict[int, asyncio.Future[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._flush_handle: asyncio.Handle | None = None
        self._arrived: list[bytes] = []
        self._arrival: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[str] = self._loop.create_future()

    # --- for the owner -----------------------------------------------------------------------
    @property
    def is_over(self) -> bool:
        """Whether the session has ended."""
        return self._ended.done()

    async def wait_ended(self) -> str:
        """Wait for the end; returns the reason, one phrase."""
        return await asyncio.shield(self._ended)

    def close(self, reason: str = "closed") -> None:
        """End the session and its link; streams are cut."""
        if self._ended.done():
            return
        if self._quic is not None:
            self._quic.close(error_code=ErrorCode.H3_NO_ERROR)
            self._send_datagrams()
        self._link.close(reason)
        self._end(reason)

    # --- LinkOwner ---------------------------------------------------------------------------
    def on_message(self, message: bytes) -> None:
        """A packet from the other end; what is no QUIC is dropped by QUIC."""
        if self._ended.done():
            return
        self._arrived.append(message)
        if self._arrival is None:
            # a timer and not call_soon: the WebRTC engine holds its next message back while any other callback is ready
            self._arrival = self._loop.call_later(0, self._guarded, self._handle_arrived)

    def on_writable(self) -> None:
        """The link takes more."""
        self._flush_soon()

    def on_closed(self, reason: str) -> None:
        """The link is gone, and with it this session."""
        self._guarded(self._handle_arrived)  # the other end's last words may say more than the link
        self._end(reason)

    # --- StreamHost --------------------------------------------------------------------------
    def send_stream(self, stream_id: int, data: bytes, *, end: bool) -> None:
        """See `StreamHost`."""
        if self._http is not None and not self._ended.done():
            try:
                self._http.send_data(stream_id, data, end)
            except (ProtocolError, RuntimeError, ValueError):  # the other end reset it in this very moment
                self._cut(stream_id)
            self._flush_soon()

    async def drained(self, stream_id: int) -> None:
        """See `StreamHost`."""
        if self._quic is None or self._ended.done() or self._quic.unsent(stream_id) <= STREAM_UNSENT_MAX:
            return
        waiter = self._drain_waiters.setdefault(stream_id, self._loop.create_future())
        await asyncio.shield(waiter)

    def taken(self, stream: TunnelStream, count: int) -> None:
        """See `StreamHost`."""
        self._all_unread -= count
        if self._quic is not None and self._quic.grant_stream(stream.id, stream.unread, stream.window):
            self._flush_soon()
        self._open_window()

    def abort_stream(self, stream_id: int, *, reset: bool, stop: bool) -> None:
        """See `StreamHost`."""
        quic = self._quic
        if quic is None or self._ended.done():
            return
        if reset:
            quic.reset_stream(stream_id, ErrorCode.H3_CONNECT_ERROR)
            if self._http is not None:
                self._http.abandon(stream_id)
        if stop:
            try:
                quic.stop_stream(stream_id, ErrorCode.H3_CONNECT_ERROR)
            except ValueError:
                pass  # it has ended in this very moment
        self._flush_soon()

    def now(self) -> float:
        """See `StreamHost`."""
        return self._loop.time()

    def min_rtt(self) -> float:
        """See `StreamHost`."""
        return self._quic.control.min_rtt if self._quic is not None else 0.0

    def take_window(self, wanted: int) -> int:
        """See `StreamHost`: from what is left when every place has its first window; `_forget` gives it back."""
        taken = min(wanted, self._spare_window)
        self._spare_window -= taken
        return taken

    # --- what the two ends do differently ------------------------------------------------------
    def _accept(self, first_message: bytes) -> LinkQuic | None:
        """Make the connection from the other end's first message (server)."""
        return None

    def _protocol_negotiated(self, quic: LinkQuic) -> None:
        """The server begins HTTP/3 here, so that it hears requests in the client's last flight."""

    def _handshake_completed(self, quic: LinkQuic) -> None:
        """The client checks the egress' key here, and begins HTTP/3 only then."""

    def _request_received(self, stream_id: int, headers: Headers, *, ended: bool) -> None:
        """The other end opened a stream (server); or these headers are for a stream that was given up."""

    # --- events ------------------------------------------------------------------------------
    def _guarded(self, step: Callable[[], None]) -> None:
        """Whatever goes wrong in a turn ends the session, or its users would wait for an end that never comes."""
        try:
            step()
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]  # the message might tell what went through
            _log.error("a session broke: %s in %s, line %d", type(error).__name__, place.name, place.lineno)
            with contextlib.suppress(Exception):
                self.close("an internal error")
            self._end("an internal error")

    def _handle_arrived(self) -> None:
        self._arrival = None
        messages, self._arrived = self._arrived, []
        now = self._loop.time()
        for message in messages:
            self.bytes_received += len(message)
            quic = self._quic or self._accept(message)
            if quic is None or self._ended.done():
                return
            quic.receive_datagram(message, PEER, now=now)
            self._handle_events(quic)
        if self._quic is not None and not self._ended.done():
            if self._quic.has_something_to_send:
                self._flush()
            else:
                self._set_timer(self._quic)

    def _handle_events(self, quic: LinkQuic) -> None:
        while (event := quic.next_event()) is not None and not self._ended.done():
            if isinstance(event, ProtocolNegotiated):
                self._protocol_negotiated(quic)
            elif isinstance(event, HandshakeCompleted):
                self._established = True
                self._handshake_completed(quic)
            elif isinstance(event, ConnectionTerminated):
                self._terminated(event)
            else:
                self._handle_stream_event(event)

    def _handle_stream_event(self, event: QuicEvent) -> None:
        if self._http is None:
            return
        for http_event in self._http.handle_event(event):
            self._handle_http_event(http_event)
        if isinstance(event, StreamReset):
            if event.stream_id in self._streams:
                self._streams[event.stream_id].cut_reading(ProxyStatus("connection_terminated"))
            self._open_window()  # behind what was sent and will not come
        elif isinstance(event, StopSendingReceived) and event.stream_id in self._streams:
            self._streams[event.stream_id].cut_writing(ProxyStatus("connection_terminated"))
            self._wake_writer(event.stream_id)

    def _handle_http_event(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            self._headers_received(event)
        elif isinstance(event, DataReceived):
            self._data_received(event)

    def _headers_received(self, event: HeadersReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            self._request_received(event.stream_id, event.headers, ended=event.stream_ended)
            return
        stream.receive_headers(event.headers)
        if event.stream_ended:
            stream.receive_end()

    def _data_received(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            self._open_window()  # given up by us; what was on its way is nobody's
            return
        if event.data:
            self._all_unread += len(event.data)
            stream.receive_data(event.data)
        if event.stream_ended:
            stream.receive_end()

    def _terminated(self, event: ConnectionTerminated) -> None:
        if not self._established:
            reason = "the other end did not complete the handshake"
        elif event.error_code == ErrorCode.H3_NO_ERROR:
            reason = "the other end closed the session"
        else:
            reason = "the session timed out or broke"
        self._link.close(reason)
        self._end(reason)

    # --- streams -----------------------------------------------------------------------------
    def _new_stream(self, stream_id: int) -> TunnelStream:
        stream = self._streams[stream_id] = TunnelStream(self, stream_id)
        return stream

    def release(self, stream: TunnelStream) -> None:
        """The user is done with a stream: what was not read is given back, what was not ended is cut."""
        if stream.id in self._streams:
            stream.abort()
            self._forget(stream.id)

    def _forget(self, stream_id: int) -> None:
        stream = self._streams.pop(stream_id)
        self._spare_window += stream.window - STREAM_WINDOW
        self._all_unread -= stream.discard()
        self._open_window()  # else it would shrink for good
        self._wake_writer(stream_id)

    def _open_window(self) -> None:
        if self._quic is not None and self._quic.grant_session(self._all_unread):
            self._flush_soon()

    def _cut(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.cut(ProxyStatus("connection_terminated"))
        self._wake_writer(stream_id)

    def _wake_writer(self, stream_id: int) -> None:
        waiter = self._drain_waiters.pop(stream_id, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- sending and time --------------------------------------------------------------------
    def _flush_soon(self) -> None:
        if self._flush_handle is None and not self._ended.done():
            self._flush_handle = self._loop.call_soon(self._guarded, self._flush)

    def _flush(self) -> None:
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        quic = self._quic
        if quic is None or self._ended.done():
            return
        self._send_datagrams()
        for stream_id in [i for i in self._drain_waiters if quic.unsent(i) <= STREAM_UNSENT_MAX // 2]:
            self._wake_writer(stream_id)
        self._set_timer(quic)

    def _send_datagrams(self) -> None:
        if self._quic is None:
            return
        now = self._loop.time()
        self._quic.control.send_credit = self._link.send_credit
        for datagram, _ in self._quic.datagrams_to_send(now=now):
            self._link.send(datagram)

    def _set_timer(self, quic: LinkQuic) -> None:
        """See that `_timer_fired` comes in time; too early does no harm, and costs less than a new timer each time."""
        at = quic.get_timer()
        if at is None or (self._timer is not None and self._timer.when() <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._guarded, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        quic, now = self._quic, self._loop.time()
        if quic is None or self._ended.done():
            return
        at = quic.get_timer()
        if at is not None and at > now:
            self._set_timer(quic)
            return
        quic.handle_timer(now=now)
        self._handle_events(quic)
        self._flush()

    def _end(self, reason: str) -> None:
        if self._ended.done():
            return
        self._ended.set_result(reason)
        for handle in (self._timer, self._flush_handle, self._arrival):
            if handle is not None:
                handle.cancel()
        for stream_id in list(self._streams):
            self._cut(stream_id)
