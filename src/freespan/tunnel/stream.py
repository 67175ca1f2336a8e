"""One stream of a session: bytes in both directions, each with back-pressure and its own end."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from freespan.wire.errors import StreamError
from freespan.wire.limits import SPLICE_CHUNK, STREAM_WINDOW, STREAM_WINDOW_MAX
from freespan.wire.proxy_status import ProxyStatus

Headers = list[tuple[bytes, bytes]]

_QUICK_SECONDS = 0.5
"""A reader that empties its window in so long, or in two round trips, is given a wider one."""


class StreamHost(Protocol):
    """What a stream asks of its session."""

    def send_stream(self, stream_id: int, data: bytes, *, end: bool) -> None:
        """Queue data."""

    async def drained(self, stream_id: int) -> None:
        """Wait until little of what the stream wrote is unsent."""

    def taken(self, stream: TunnelStream, count: int) -> None:
        """The reader has taken `count` bytes."""

    def abort_stream(self, stream_id: int, *, reset: bool, stop: bool) -> None:
        """Give up sending (`reset`), receiving (`stop`), or both."""

    def now(self) -> float:
        """The clock of the session, in seconds."""
        ...

    def min_rtt(self) -> float:
        """The smallest round trip that was seen, in seconds; 0 before any was."""
        ...

    def take_window(self, wanted: int) -> int:
        """How much of `wanted` a window may have more, for as long as its stream lives."""
        ...


class TunnelStream:
    """Read with `read`, write with `write` and `write_eof`; `abort` gives it up."""

    def __init__(self, host: StreamHost, stream_id: int) -> None:
        self.id = stream_id
        self.headers: Headers = []
        self.unread = 0
        self.window = STREAM_WINDOW
        self._host = host
        self._chunks: deque[bytes] = deque()
        self._ended = False
        self._read_cut: ProxyStatus | None = None
        self._write_cut: ProxyStatus | None = None
        self._news = asyncio.Event()
        self._window_opened_at = host.now()
        self._taken_in_window = 0
        self._finished_writing = False

    # --- for the user of the stream ----------------------------------------------------------
    async def wait_headers(self) -> Headers:
        """The other end's headers. Raises `StreamError`; the caller sets the time limit."""
        while not self.headers:
            await self._wait_news()
        return self.headers

    async def read(self) -> bytes:
        """The next bytes, `b""` at the end. Raises `StreamError` when it was cut; what came before is read first."""
        while not self._chunks:
            if self._ended:
                return b""
            await self._wait_news()
        chunk = self._next_chunk()
        self.unread -= len(chunk)
        self._widen(len(chunk))
        self._host.taken(self, len(chunk))
        return chunk

    async def write(self, data: bytes) -> None:
        """Queue bytes; waits while too many are unsent. Raises `StreamError` when the other end wants no more."""
        _raise_if(self._write_cut)
        self._host.send_stream(self.id, data, end=False)
        await self._host.drained(self.id)
        _raise_if(self._write_cut)

    def write_eof(self) -> None:
        """End this direction; the other one goes on."""
        if not self._finished_writing and self._write_cut is None:
            self._finished_writing = True
            self._host.send_stream(self.id, b"", end=True)

    def abort(self) -> None:
        """Give up whatever has not come to its end; later calls do nothing."""
        reset = not self._finished_writing and self._write_cut is None
        stop = not self._ended and self._read_cut is None
        if reset or stop:
            self.cut(ProxyStatus("connection_terminated"))
            self._host.abort_stream(self.id, reset=reset, stop=stop)

    # --- for the session ---------------------------------------------------------------------
    def receive_headers(self, headers: Headers) -> None:
        """The other end's headers have come; trailers are ignored."""
        self.headers = self.headers or headers
        self._news.set()

    def receive_data(self, data: bytes) -> None:
        """Bytes have come; flow control bounds how many wait."""
        self._chunks.append(data)
        self.unread += len(data)
        self._news.set()

    def receive_end(self) -> None:
        """The other end has finished."""
        self._ended = True
        self._news.set()

    def discard(self) -> int:
        """Forget what was not read, and let nothing be read any more; returns how many bytes that were."""
        count, self.unread = self.unread, 0
        self._chunks.clear()
        self._ended = False
        self.cut(ProxyStatus("connection_terminated"))
        return count

    def end_sent(self) -> None:
        """What the session has sent was the last of this direction."""
        self._finished_writing = True

    def cut_reading(self, status: ProxyStatus) -> None:
        """Nothing more will come, before the end."""
        self._read_cut = self._read_cut or status
        self._news.set()

    def cut_writing(self, status: ProxyStatus) -> None:
        """Nothing more will be taken."""
        self._write_cut = self._write_cut or status

    def cut(self, status: ProxyStatus) -> None:
        """The stream is over, in both directions."""
        self.cut_reading(status)
        self.cut_writing(status)

    # --- inside ------------------------------------------------------------------------------
    def _next_chunk(self) -> bytes:
        """What waits, up to about SPLICE_CHUNK: a packet at a time would cost its user a system call each."""
        if len(self._chunks) == 1:
            return self._chunks.popleft()
        parts = [self._chunks.popleft()]
        size = len(parts[0])
        while self._chunks and size + len(self._chunks[0]) <= SPLICE_CHUNK:
            parts.append(self._chunks.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    async def _wait_news(self) -> None:
        _raise_if(self._read_cut)
        self._news.clear()
        await self._news.wait()

    def _widen(self, count: int) -> None:
        """Double the window of a reader that has emptied a whole one quickly: it is the window that limits it.

        A stalled or slow stream keeps the small one. The session has a bounded amount to widen with, because a stream
        that was fast may stop being read: all windows together stay within the session's.
        """
        self._taken_in_window += count
        if self._taken_in_window < self.window:
            return
        now = self._host.now()
        quick = max(_QUICK_SECONDS, 2 * self._host.min_rtt())  # the window comes once in a round trip at best
        if now - self._window_opened_at < quick and self.unread < self.window // 2:
            self.window += self._host.take_window(min(self.window, STREAM_WINDOW_MAX - self.window))
        self._taken_in_window, self._window_opened_at = 0, now


def _raise_if(cut: ProxyStatus | None) -> None:
    if cut is not None:
        raise StreamError(cut)
