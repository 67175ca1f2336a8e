"""Joins a stream of a session to a TCP connection, as both ends need it."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable

from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.limits import SPLICE_CHUNK, STREAM_IDLE_SECONDS

Count = Callable[[int], None]
_LINGER_NOT = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


async def splice(
    stream: TunnelStream,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    count_from_stream: Count,
    count_to_stream: Count,
) -> None:
    """Pass bytes both ways until both directions have ended, one is cut, or nothing moves for `STREAM_IDLE_SECONDS`.

    Each direction waits for its own receiver, so a slow one slows its own sender and nobody else. The end of a
    direction is passed on as such (half-close); a cut, or a cancellation, is passed on as a cut. The caller releases
    the stream and closes the connection.
    """
    moved = _Activity()
    down = asyncio.create_task(_to_stream(stream, reader, moved, count_to_stream), name="relay-to-stream")
    up = asyncio.create_task(_from_stream(stream, writer, moved, count_from_stream), name="relay-from-stream")
    idle = asyncio.create_task(moved.wait_idle(), name="relay-idle")
    is_whole = False
    try:
        running = {down, up}
        while running:
            done, _ = await asyncio.wait({*running, idle}, return_when=asyncio.FIRST_COMPLETED)
            running -= done
            if idle in done or not all(task.result() for task in done):
                return
        is_whole = True
    finally:
        if not is_whole:
            _reset(writer)
        for task in (down, up, idle):
            task.cancel()
        await asyncio.gather(down, up, idle, return_exceptions=True)


async def _to_stream(stream: TunnelStream, reader: asyncio.StreamReader, moved: _Activity, count: Count) -> bool:
    """TCP to stream; false when the rest is worthless too."""
    try:
        while data := await reader.read(SPLICE_CHUNK):
            count(len(data))
            moved.note()
            await stream.write(data)
        stream.write_eof()
    except (StreamError, OSError):
        return False
    return True


async def _from_stream(stream: TunnelStream, writer: asyncio.StreamWriter, moved: _Activity, count: Count) -> bool:
    """Stream to TCP; false when the rest is worthless too."""
    try:
        while data := await stream.read():
            count(len(data))
            moved.note()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except StreamError:
        return False
    except OSError:
        pass  # it takes no more, but what it has said before may still be on its way to us
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset and never takes half for the whole (SO_LINGER of 0 s)."""
    connection = writer.get_extra_info("socket")
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    except OSError:
        pass  # it is closed already
    writer.transport.abort()


class _Activity:
    """Notices when nothing moves for long, at the cost of one flag a chunk."""

    def __init__(self) -> None:
        self._moved = False

    def note(self) -> None:
        self._moved = True

    async def wait_idle(self) -> None:
        while True:
            self._moved = False
            await asyncio.sleep(STREAM_IDLE_SECONDS)
            if not self._moved:
                return
