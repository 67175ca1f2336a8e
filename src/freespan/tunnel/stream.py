"""One stream of a session: bytes in both directions, each with back-pressure and an end of its own.

A direction either *ends* (FIN), which is the whole, or is *cut*: by RESET_STREAM, by STOP_SENDING, or with the session.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from freespan.tunnel.flow_control import StreamWindow
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

CHUNK_SIZE = 64 * 1024
"""How many bytes are read at a time from a stream or a TCP connection."""
_SMALL = 4 * 1024
"""Pieces below this size are kept together."""

Headers = list[tuple[bytes, bytes]]
_USED_FIELDS = (b"proxy-status",)


class StreamHost(Protocol):
    """What a stream asks of the tunnel that it belongs to."""

    def send_data(self, stream_id: int, data: bytes, *, end: bool) -> None:
        """Queue data, and the end of the direction after it."""

    async def drained(self, stream_id: int) -> None:
        """Wait until little of what the stream wrote is unsent."""

    def on_read(self, stream: TunnelStream, count: int) -> None:
        """The reader has taken `count` bytes."""

    def give_up(self, stream_id: int, *, reset: bool, stop: bool) -> None:
        """Give up sending (`reset`), receiving (`stop`), or both."""


class TunnelStream:
    """Read with `read`, write with `write` and `write_eof`; `abort` gives it up."""

    def __init__(self, host: StreamHost, stream_id: int, window: StreamWindow) -> None:
        self.id = stream_id
        self.headers: Headers = []
        self.unread = 0
        """Bytes that have been received and not yet read."""
        self.window = window
        self._host = host
        self._chunks: deque[bytes | bytearray] = deque()
        self._ended = False
        self._read_cut: ProxyStatus | None = None
        self._write_cut: ProxyStatus | None = None
        self._changed = asyncio.Event()
        self._finished_writing = False

    # --- for the user of the stream ----------------------------------------------------------
    async def wait_headers(self) -> Headers:
        """The other end's headers. Raises `StreamError`; the caller sets the time limit."""
        while not self.headers:
            await self._wait_change()
        return self.headers

    async def read(self) -> bytes:
        """The next bytes, `b""` at the end. Raises `StreamError` when it was cut; what came before is read first."""
        while not self._chunks:
            if self._ended:
                return b""
            await self._wait_change()
        chunk = self._next_chunk()
        self.unread -= len(chunk)
        self._host.on_read(self, len(chunk))
        return chunk

    async def write(self, data: bytes) -> None:
        """Queue bytes; waits while too many are unsent. Raises `StreamError` when the other end wants no more."""
        _raise_if(self._write_cut)
        self._host.send_data(self.id, data, end=False)
        await self._host.drained(self.id)
        _raise_if(self._write_cut)

    def write_eof(self) -> None:
        """End this direction; the other one goes on."""
        if not self._finished_writing and self._write_cut is None:
            self._finished_writing = True
            self._host.send_data(self.id, b"", end=True)

    @property
    def has_news(self) -> bool:
        """Whether there is something to read, or the other end has ended or cut a direction."""
        return bool(self._chunks) or self._ended or self._read_cut is not None or self._write_cut is not None

    def abort(self) -> None:
        """Give up whatever has not come to its end; later calls do nothing."""
        reset = not self._finished_writing and self._write_cut is None
        stop = not self._ended and self._read_cut is None
        if reset or stop:
            self.cut(ProxyStatus("connection_terminated"))
            self._host.give_up(self.id, reset=reset, stop=stop)

    # --- for the tunnel ----------------------------------------------------------------------
    def receive_headers(self, headers: Headers) -> None:
        """Headers have come from the other end. Trailers are ignored, and so is what nobody here looks at."""
        self.headers = self.headers or [field for field in headers if field[0][:1] == b":" or field[0] in _USED_FIELDS]
        self._changed.set()

    def receive_data(self, data: bytes) -> None:
        """Bytes have come; flow control bounds how many can be unread."""
        last = self._chunks[-1] if self._chunks else None
        if last is not None and len(data) < _SMALL and len(last) < _SMALL:
            if not isinstance(last, bytearray):
                last = self._chunks[-1] = bytearray(last)
            last += data  # an object of its own would take fifty bytes for every byte
        else:
            self._chunks.append(data)
        self.unread += len(data)
        self._changed.set()

    def receive_end(self) -> None:
        """The other end has finished."""
        self._ended = True
        self._changed.set()

    def discard(self) -> int:
        """Forget what was not read, and let nothing be read any more; returns how many bytes that were."""
        count, self.unread = self.unread, 0
        self._chunks.clear()
        self._ended = False
        self.cut(ProxyStatus("connection_terminated"))
        return count

    def detach(self) -> None:
        """The session is over: what is left can be read, and nobody is told of it."""
        self._host = _NOBODY

    def end_sent(self) -> None:
        """The tunnel has ended this direction itself."""
        self._finished_writing = True

    def cut_reading(self, status: ProxyStatus) -> None:
        """Nothing more will come, although the end has not."""
        self._read_cut = self._read_cut or status
        self._changed.set()

    def cut_writing(self, status: ProxyStatus) -> None:
        """The other end takes nothing more."""
        self._write_cut = self._write_cut or status

    def cut(self, status: ProxyStatus) -> None:
        """Cut both directions."""
        self.cut_reading(status)
        self.cut_writing(status)

    # --- inside ------------------------------------------------------------------------------
    def _next_chunk(self) -> bytes:
        """Up to `CHUNK_SIZE` bytes at once: a packet at a time would cost the reader a system call each."""
        if len(self._chunks) == 1:
            return bytes(self._chunks.popleft())
        parts = [self._chunks.popleft()]
        size = len(parts[0])
        while self._chunks and size + len(self._chunks[0]) <= CHUNK_SIZE:
            parts.append(self._chunks.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    async def _wait_change(self) -> None:
        _raise_if(self._read_cut)
        self._changed.clear()
        await self._changed.wait()


class _Nobody:
    """The host of a stream whose session is over."""

    def send_data(self, stream_id: int, data: bytes, *, end: bool) -> None:
        pass

    async def drained(self, stream_id: int) -> None:
        pass

    def on_read(self, stream: TunnelStream, count: int) -> None:
        pass

    def give_up(self, stream_id: int, *, reset: bool, stop: bool) -> None:
        pass


_NOBODY: StreamHost = _Nobody()


def _raise_if(cut: ProxyStatus | None) -> None:
    if cut is not None:
        raise StreamError(cut)
