"""The streams that are open at one end of a tunnel: HTTP/3 between QUIC's events and the `TunnelStream`s."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aioquic.h3.connection import ErrorCode, ProtocolError
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.events import QuicEvent, StopSendingReceived, StreamReset

from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.driver import QuicDriver
from freespan.tunnel.flow_control import SessionWindow, StreamWindow
from freespan.tunnel.http3 import PlainHttp
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import Headers, TunnelStream
from freespan.wire.proxy_status import ProxyStatus

_CUT = ProxyStatus("connection_terminated")
_STREAM_COST = 12_000
"""What a stream takes beside its bytes: its tasks, its socket, its headers."""


class StreamTable:
    """The open streams by their ids; a `StreamHost`. Nothing can be sent or received before `begin_http`."""

    def __init__(self, driver: QuicDriver, writers: DrainWaiters, settings: TunnelSettings) -> None:
        self.by_id: dict[int, TunnelStream] = {}
        self.http: PlainHttp | None = None
        self.window = SessionWindow(settings)
        self._driver = driver
        self._writers = writers
        self._now = asyncio.get_running_loop().time

    # --- for the end that holds it -----------------------------------------------------------
    @property
    def held(self) -> int:
        """About how many bytes are kept for both ends: what was received and not read, or written and not acknowledged.

        Streams themselves take something, too. Asked after each turn of a session, so it is no sum over the streams.
        """
        quic = self._driver.quic
        unacked = quic.held if quic is not None and not self._driver.is_over else 0
        return self._unread + unacked + len(self.by_id) * _STREAM_COST

    @property
    def _unread(self) -> int:
        return self.window.unread + (self.http.buffered if self.http is not None else 0)

    def begin_http(self, quic: LinkQuic) -> None:
        """Begin HTTP/3, if that has not been done."""
        if self.http is None:
            self.http = PlainHttp(quic)

    def open(self, stream_id: int) -> TunnelStream:
        """Put a new stream into the table."""
        self._driver.on_request()
        stream = self.by_id[stream_id] = TunnelStream(self, stream_id, StreamWindow(self.window, self._now()))
        self._writers.share_out(len(self.by_id))
        return stream

    def announce_window(self, stream: TunnelStream) -> None:
        """Let the other end know the first window of a stream, which QUIC knows by now."""
        if self._driver.quic is not None:
            self._driver.quic.grant_stream(stream.id, 0, stream.window.size)

    @property
    def are_many(self) -> bool:
        """Whether there are so many streams that each may keep less than it might alone."""
        return self._writers.is_scarce

    def release(self, stream: TunnelStream) -> bool:
        """Take a stream out of the table: what was not read is discarded, what has not ended is cut.

        Returns whether it was there.
        """
        if self.by_id.get(stream.id) is not stream:
            return False
        stream.abort()
        del self.by_id[stream.id]
        self._writers.share_out(len(self.by_id))
        stream.window.close()
        self.window.unread -= stream.discard()
        self._open_session_window()  # else it would shrink for good
        self._writers.wake(stream.id)
        self._driver.on_change()
        return True

    def send_headers(self, stream: TunnelStream, headers: Headers, *, end: bool) -> None:
        """Send headers, unless the other end has given the stream up or the session is over."""
        if self.http is None or self._driver.is_over:
            return
        try:
            self.http.send_headers(stream.id, headers, end_stream=end)
        except (ProtocolError, RuntimeError, ValueError):
            return  # it was given up at this very moment
        if end:
            stream.end_sent()
        self._driver.flush_soon()

    def handle_event(self, event: QuicEvent) -> Sequence[TunnelStream]:
        """Deliver an event to the stream that it concerns. Returns the streams that the other end has opened by it."""
        if self.http is None:
            return ()
        opened = [
            stream
            for http_event in self.http.handle_event(event)
            if (stream := self._handle_http_event(http_event)) is not None
        ]
        if isinstance(event, StreamReset):
            if event.stream_id in self.by_id:
                self.by_id[event.stream_id].cut_reading(_CUT)
            self._open_session_window()  # behind what was sent and will not come
        elif isinstance(event, StopSendingReceived) and event.stream_id in self.by_id:
            self.by_id[event.stream_id].cut_writing(_CUT)
            self._writers.wake(event.stream_id)
        return opened

    def cut_all(self) -> None:
        """The session is over: cut every stream."""
        for stream_id, stream in list(self.by_id.items()):
            self._cut(stream_id)
            stream.detach()
        self.http = None

    # --- StreamHost --------------------------------------------------------------------------
    def send_data(self, stream_id: int, data: bytes, *, end: bool) -> None:
        """See `StreamHost`."""
        if self.http is None or self._driver.is_over:
            return
        try:
            self.http.send_data(stream_id, data, end)
        except (ProtocolError, RuntimeError, ValueError):  # the other end reset it at this very moment
            self._cut(stream_id)
        self._driver.flush_soon()

    async def drained(self, stream_id: int) -> None:
        """See `StreamHost`."""
        quic = self._driver.quic
        if quic is None or self._driver.is_over or quic.unsent(stream_id) <= self._writers.unsent_max:
            return
        await self._writers.wait(stream_id)

    def on_read(self, stream: TunnelStream, count: int) -> None:
        """See `StreamHost`: open the windows of the stream and of the session behind the reader."""
        quic = self._driver.quic
        if quic is not None:
            stream.window.on_read(count, stream.unread, self._now(), quic.control.min_rtt)
            if quic.grant_stream(stream.id, stream.unread, stream.window.size):
                self._driver.flush_soon()
        self.window.unread -= count
        self._open_session_window()
        self._driver.on_change()

    def give_up(self, stream_id: int, *, reset: bool, stop: bool) -> None:
        """See `StreamHost`."""
        quic = self._driver.quic
        if quic is None or self._driver.is_over:
            return
        if reset:
            quic.reset_stream(stream_id, ErrorCode.H3_CONNECT_ERROR)
            if self.http is not None:
                self.http.abandon(stream_id)
        if stop:
            try:
                quic.stop_stream(stream_id, ErrorCode.H3_CONNECT_ERROR)
            except ValueError:
                pass  # it has ended at this very moment
        self._driver.flush_soon()

    # --- inside ------------------------------------------------------------------------------
    def _handle_http_event(self, event: H3Event) -> TunnelStream | None:
        if isinstance(event, DataReceived):
            self._data_received(event)
        elif isinstance(event, HeadersReceived):
            return self._headers_received(event)
        return None

    def _headers_received(self, event: HeadersReceived) -> TunnelStream | None:
        """Deliver headers; returns the stream if they have opened one."""
        stream = self.by_id.get(event.stream_id)
        opens = stream is None and b":method" in dict(event.headers)
        if stream is None:
            if not opens:
                return None  # trailers, or a response: the stream was given up here
            stream = self.open(event.stream_id)
            self.announce_window(stream)
        stream.receive_headers(event.headers)
        if event.stream_ended:
            stream.receive_end()
        return stream if opens else None

    def _data_received(self, event: DataReceived) -> None:
        stream = self.by_id.get(event.stream_id)
        if stream is None:
            self._open_session_window()  # the stream was given up here; what was on its way is nobody's
            return
        if event.data:
            self.window.unread += len(event.data)
            stream.receive_data(event.data)
        if event.stream_ended:
            stream.receive_end()

    def _open_session_window(self) -> None:
        quic = self._driver.quic
        if quic is not None and quic.grant_session(self._unread):
            self._driver.flush_soon()

    def _cut(self, stream_id: int) -> None:
        stream = self.by_id.get(stream_id)
        if stream is not None:
            stream.cut(_CUT)
        self._writers.wake(stream_id)
