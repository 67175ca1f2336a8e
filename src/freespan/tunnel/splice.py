"""Copies bytes between a stream of a session and a TCP connection, in both directions. Both ends of a tunnel use it.

    client    program ── upload ──▶ stream          egress    stream ── upload ──▶ target
              program ◀── download ── stream                  stream ◀── download ── target

*Upload* is towards the target and *download* towards the reader, at both ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import CHUNK_SIZE
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

_RESET_ON_CLOSE = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER of 0 s: closing the socket discards what is queued and sends a reset."""


FLUSH_SECONDS = 10.0
"""How long an end that has closed its own direction may take to read the rest of what was sent to it."""
_READ_AHEAD = 256 * 1024
"""About how much asyncio reads ahead from a sender that is faster than we pass on."""
_FAST_SENDER = CHUNK_SIZE // 2
"""A sender is fast if so much has come since the last read."""


class ByteSource(Protocol):
    """What a direction reads from."""

    async def read(self) -> bytes:
        """The next bytes, `b""` at the end.

        Raises:
            StreamError: the source was cut; what came before is no whole.
        """
        ...


class ByteSink(Protocol):
    """What a direction writes to."""

    async def write(self, data: bytes) -> None:
        """Take bytes, and wait while too many are queued.

        Raises:
            StreamError: the sink was cut, and the other direction is worthless as well.
            OSError: the sink takes no more, but bytes may still come from it.
        """

    def write_eof(self) -> None:
        """End this direction (half-close); the other one goes on. Raises as `write` does."""


@dataclass(frozen=True)
class Direction:
    """One direction of a splice; `count` is called with the size of each piece that was read."""

    source: ByteSource
    sink: ByteSink
    count: Callable[[int], None]


class TcpConnection:
    """A TCP connection as both a source and a sink.

    `on_waiting` is called with the change when more or less waits in it: what was read ahead, and what the other end
    does not take. While `reads_ahead` is false, nothing is read ahead.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_waiting: Callable[[int], None] | None = None,
        reads_ahead: Callable[[], bool] = lambda: True,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_waiting = on_waiting
        self._reads_ahead = reads_ahead
        self._is_held_back = False
        self._waiting = 0

    async def read(self) -> bytes:
        """See `ByteSource`: at most `CHUNK_SIZE` bytes."""
        transport = cast(asyncio.Transport, self._writer.transport)
        if self._is_held_back:
            self._is_held_back = False
            transport.resume_reading()
        try:
            data = await self._reader.read(CHUNK_SIZE)
        except OSError:
            raise StreamError(ProxyStatus("connection_terminated")) from None
        if len(data) < _FAST_SENDER:
            self._note_waiting()
        elif self._reads_ahead() or not transport.is_reading():
            self._note_waiting(_READ_AHEAD)  # until the next read, a fast sender fills what asyncio reads ahead
        else:
            transport.pause_reading()
            self._is_held_back = True
            self._note_waiting()
        return data

    @contextlib.contextmanager
    def not_reading(self) -> Iterator[None]:
        """Read nothing ahead while this lasts; nobody may call `read` meanwhile."""
        transport = cast(asyncio.Transport, self._writer.transport)
        if not transport.is_reading():  # as much has been read ahead as may be
            yield
            return
        transport.pause_reading()
        try:
            yield
        finally:
            transport.resume_reading()

    async def write(self, data: bytes) -> None:
        """See `ByteSink`."""
        self._writer.write(data)
        self._note_waiting()
        await self._writer.drain()

    def write_eof(self) -> None:
        """See `ByteSink`; a connection that cannot be half-closed stays open."""
        if self._writer.can_write_eof():
            self._writer.write_eof()

    def close(self) -> None:
        """Close when everything was sent."""
        self._writer.close()
        self._forget_waiting()

    async def finish(self, seconds: float = FLUSH_SECONDS) -> None:
        """Close when everything was sent, and wait for it; an end that does not read has `seconds` for that."""
        self._writer.close()
        try:
            async with asyncio.timeout(seconds):
                await self._writer.wait_closed()
        except (TimeoutError, OSError):
            pass
        finally:
            self._writer.transport.abort()
            self._forget_waiting()

    def reset(self) -> None:
        """Close with a TCP reset, so that nobody takes a part for the whole."""
        connection = self._writer.get_extra_info("socket")
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        except OSError:
            pass  # it is closed already
        self._writer.transport.abort()

    def _note_waiting(self, read_ahead: int = 0) -> None:
        if self._on_waiting is None:
            return
        waiting = self._writer.transport.get_write_buffer_size() + read_ahead
        if waiting != self._waiting:
            change, self._waiting = waiting - self._waiting, waiting
            self._on_waiting(change)

    def _forget_waiting(self) -> None:
        if self._on_waiting is not None:
            self._on_waiting(-self._waiting)
        self._waiting = 0


async def splice(
    *,
    upload: Direction,
    download: Direction,
    reset: Callable[[], None],
    idle_seconds: float = TunnelSettings.stream_idle_seconds,
    half_closed_seconds: float | None = None,
) -> None:
    """Copy until both directions have ended, one is cut, or nothing moves for `idle_seconds`.

    From the end of the upload on, that is `half_closed_seconds`: whoever has ended it may have gone.

    Each direction waits for its own sink, so a slow receiver slows its own sender and nobody else. The end of a
    direction is passed on as a half-close. If the splice ends in any other way, cancellation included, `reset` is
    called to cut the TCP connection. The caller then releases the stream and closes the connection.
    """
    activity = _Activity()
    up = asyncio.create_task(_copy(upload, activity), name="splice-upload")
    down = asyncio.create_task(_copy(download, activity), name="splice-download")
    idle = asyncio.create_task(activity.wait_idle(idle_seconds), name="splice-idle")
    is_whole = False
    try:
        running = {up, down}
        while running:
            done, _ = await asyncio.wait({*running, idle}, return_when=asyncio.FIRST_COMPLETED)
            running -= done
            if idle in done or not all(task.result() for task in done):
                return
            if up in done and half_closed_seconds is not None:
                idle.cancel()
                idle = asyncio.create_task(activity.wait_idle(half_closed_seconds), name="splice-idle")
        is_whole = True
    finally:
        if not is_whole:
            reset()
        for task in (up, down, idle):
            task.cancel()
        await asyncio.gather(up, down, idle, return_exceptions=True)


async def _copy(direction: Direction, activity: _Activity) -> bool:
    """Copy one direction to its end; false when the other direction is worthless too."""
    source, sink, count = direction.source, direction.sink, direction.count
    try:
        while data := await source.read():
            count(len(data))
            activity.note()
            await sink.write(data)
        sink.write_eof()
    except StreamError:
        return False
    except OSError:
        pass  # the sink takes no more, but what it sent before may still be on its way
    return True


class _Activity:
    """Notices when nothing has moved for long, at the cost of one flag for each piece."""

    def __init__(self) -> None:
        self._moved = False

    def note(self) -> None:
        self._moved = True

    async def wait_idle(self, seconds: float) -> None:
        while True:
            self._moved = False
            await asyncio.sleep(seconds)
            if not self._moved:
                return
