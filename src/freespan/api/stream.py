"""A stream to a target as a pair of asyncio's own `StreamReader` and `StreamWriter`.

    StreamReader ◀── protocol ◀── reading task ◀── TunnelStream ◀── session
    StreamWriter ──▶ unsent bytes ──▶ writing task ──▶ TunnelStream ──▶ session

`StreamTransport` in the middle is a transport like that of a TCP connection, so that everything that asyncio can do
with one works here too, TLS included. Either direction waits for its own receiver.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from freespan.wire.errors import FreespanError, StreamError

if TYPE_CHECKING:
    from freespan.tunnel.stream import TunnelStream

_HIGH_WATER, _LOW_WATER = 64 * 1024, 16 * 1024
"""Unsent bytes beyond the first make a writer wait in `drain`, until there are as few as the second."""
CLOSE_SECONDS = 30.0
"""For what is still unsent when a stream is closed."""


class Stream(NamedTuple):
    """A stream to one target, which ends with its `async with` block::

    async with await client.open("example.org", 80) as (reader, writer):
        ...
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def close(self) -> None:
        """Send what is unsent, for half a minute at most, and close both directions."""
        self.writer.close()
        with contextlib.suppress(FreespanError, OSError):
            await self.writer.wait_closed()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


async def open_stream(transport: StreamTransport, tls: ssl.SSLContext | None, server_name: str) -> Stream:
    """Put a reader and a writer on a new transport, with TLS in between if wanted.

    The caller sets the time limit, and aborts the transport if this raises.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    used: asyncio.Transport = transport
    if tls is None:
        protocol.connection_made(transport)
        transport.start()
    else:
        transport.start()
        secured = await loop.start_tls(transport, protocol, tls, server_hostname=server_name)
        assert secured is not None
        used = secured
        protocol.connection_made(secured)
    return Stream(reader, asyncio.StreamWriter(used, protocol, reader, loop))


class StreamTransport(asyncio.Transport):
    """Moves bytes between an asyncio protocol and a stream of a session; `on_lost` is called once, at its end."""

    _start_tls_compatible = True  # asks asyncio to accept this transport for TLS

    def __init__(
        self,
        stream: TunnelStream,
        target: str,
        on_lost: Callable[[StreamTransport], None],
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        super().__init__({"peername": target})
        self._loop = asyncio.get_running_loop()
        self._stream = stream
        self._on_lost = on_lost
        self._close_seconds = close_seconds
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._tasks: list[asyncio.Task[None]] = []
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._has_unsent = asyncio.Event()
        self._unsent: deque[bytes] = deque()
        self._unsent_size = 0
        self._limits = (_LOW_WATER, _HIGH_WATER)
        self._is_writing_paused = False
        self._is_eof_written = False
        self._is_closing = False
        self._is_lost = False
        self._close_limit: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to read and write."""
        self._tasks = [
            asyncio.create_task(self._read_on(), name="stream-read"),
            asyncio.create_task(self._write_on(), name="stream-write"),
        ]

    # --- transport ---------------------------------------------------------------------------
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        """Send what is unsent, then end both directions; what comes until then is dropped."""
        if self._is_closing:
            return
        self._is_closing = self._is_eof_written = True
        self._may_read.set()  # what comes is read on, and dropped
        self._has_unsent.set()
        self._close_limit = self._loop.call_later(self._close_seconds, self._lose)
        if not self._tasks or self._tasks[1].done():  # the end was written before
            self._loop.call_soon(self._lose)

    def abort(self) -> None:
        """End both directions at once."""
        self._is_closing = True
        self._lose()

    def _force_close(self, error: Exception | None) -> None:
        """Called by asyncio's TLS when a handshake fails."""
        self._is_closing = True
        self._lose(error)

    # --- reading -----------------------------------------------------------------------------
    def is_reading(self) -> bool:
        return self._may_read.is_set() and not self._is_closing

    def pause_reading(self) -> None:
        if not self._is_closing:
            self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    async def _read_on(self) -> None:
        try:
            while data := await self._stream.read():
                await self._may_read.wait()
                if not self._is_closing:
                    self._receive(data)
        except StreamError as error:
            self._lose(error)
            return
        await self._may_read.wait()
        if not self._is_closing and not self._eof_received():
            self.close()

    def _receive(self, data: bytes) -> None:
        if isinstance(self._protocol, asyncio.Protocol):
            self._protocol.data_received(data)
            return
        assert isinstance(self._protocol, asyncio.BufferedProtocol)
        while data and not self._is_closing:
            buffer = memoryview(self._protocol.get_buffer(len(data)))
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            self._protocol.buffer_updated(count)
            data = data[count:]

    def _eof_received(self) -> bool:
        """Tell the protocol; true when it wants to go on writing."""
        assert isinstance(self._protocol, asyncio.Protocol | asyncio.BufferedProtocol)
        return bool(self._protocol.eof_received())

    # --- writing -----------------------------------------------------------------------------
    def write(self, data: bytes | bytearray | memoryview[int]) -> None:
        if self._is_eof_written and not self._is_closing:
            raise RuntimeError("write() after write_eof()")
        if self._is_closing or not data:
            return
        self._unsent.append(bytes(data))
        self._unsent_size += len(data)
        self._has_unsent.set()
        if self._unsent_size > self._limits[1] and not self._is_writing_paused:
            self._is_writing_paused = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._is_eof_written = True
        self._has_unsent.set()

    def get_write_buffer_size(self) -> int:
        return self._unsent_size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._limits

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        high = high if high is not None else (_HIGH_WATER if low is None else 4 * low)
        low = low if low is not None else high // 4
        if not 0 <= low <= high:
            raise ValueError(f"low ({low}) must be from 0 to high ({high})")
        self._limits = (low, high)

    async def _write_on(self) -> None:
        try:
            while self._unsent or not self._is_eof_written:
                if not self._unsent:
                    self._has_unsent.clear()
                    await self._has_unsent.wait()
                    continue
                await self._stream.write(self._unsent[0])
                self._unsent_size -= len(self._unsent.popleft())
                if self._is_writing_paused and self._unsent_size <= self._limits[0]:
                    self._is_writing_paused = False
                    self._protocol.resume_writing()
            self._stream.write_eof()
        except StreamError as error:
            self._lose(error)
            return
        if self._is_closing:
            self._lose()

    # --- the end -----------------------------------------------------------------------------
    def _lose(self, error: Exception | None = None) -> None:
        if self._is_lost:
            return
        self._is_lost = self._is_closing = True
        self._unsent.clear()
        self._unsent_size = 0
        if self._close_limit is not None:
            self._close_limit.cancel()
        current = asyncio.current_task(self._loop)
        for task in self._tasks:
            if task is not current:
                task.cancel()
        self._on_lost(self)
        self._loop.call_soon(self._protocol.connection_lost, error)
