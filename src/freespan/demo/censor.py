"""A censor on the reader's network path: reads the name at the start of a connection, and resets it if it is blocked.

It does what real censors do with SNI and Host. Everything else passes unchanged, which shows that the network path
works and only the name is blocked. As with real censors, the first request of a connection decides for all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass

from freespan.demo.addresses import LOOPBACK
from freespan.demo.ports import usable_port
from freespan.demo.requested_name import START_MAX, NoNameError, RequestedName, find_name

CONNECTIONS_MAX = 64
"""How many connections may be open at a time; another one is reset."""
START_SECONDS = 10.0
"""Limit for the bytes that contain the name."""
_DIAL_SECONDS = 5.0
_IDLE_SECONDS = 60.0
"""A connection ends when one of its directions has been silent for this long."""
_CHUNK = 64 * 1024

_Failures = (OSError, asyncio.IncompleteReadError, TimeoutError, NoNameError)


@dataclass(frozen=True, slots=True)
class Route:
    """The ports of loopback at which a site listens."""

    http_port: int
    https_port: int

    def port(self, found: RequestedName) -> int:
        return self.https_port if found.source == "sni" else self.http_port


@dataclass(slots=True)
class Counts:
    """What has happened to the connections so far."""

    cut_by_sni: int = 0
    cut_by_host: int = 0
    passed: int = 0
    rejected: int = 0
    """Reset because they had no readable or no known name, or were too many."""

    @property
    def cut(self) -> int:
        return self.cut_by_sni + self.cut_by_host


class Censor:
    """Listens on one port of loopback and forwards each connection by its name.

    Args:
        blocked: names whose connections are reset, with all names under them.
        routes: where the other names lead.
        connections_max: see CONNECTIONS_MAX.
        start_seconds: see START_SECONDS.
    """

    def __init__(
        self,
        blocked: Collection[str],
        routes: Mapping[str, Route],
        *,
        connections_max: int = CONNECTIONS_MAX,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._blocked = frozenset(blocked)
        self._routes = dict(routes)
        self._connections_max = connections_max
        self._start_seconds = start_seconds
        self._connections: set[asyncio.Task[None]] = set()
        self.counts = Counts()
        self.port = 0

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[Censor]:
        """Listen while the block runs, on `port` if it is free; `self.port` is the actual port."""
        server = await asyncio.start_server(self._serve, LOOPBACK, usable_port(port), limit=_CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._connections:
                task.cancel()
            if self._connections:
                await asyncio.wait(self._connections, timeout=_DIAL_SECONDS)

    def blocks(self, name: str) -> bool:
        """Return whether a name is blocked, by itself or by a name that it is under."""
        return any(name == blocked or name.endswith("." + blocked) for blocked in self._blocked)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # streams run this in a task of its own
        if len(self._connections) >= self._connections_max:
            self.counts.rejected += 1
            return _reset(writer)
        self._connections.add(task)
        try:
            await self._handle(reader, writer)
        except _Failures:
            _reset(writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._start_seconds):
                found, start = await _read_name(reader)
        except _Failures:
            self.counts.rejected += 1
            raise
        if self.blocks(found.name):
            self._count_cut(found)
            return _reset(writer)
        route = self._routes.get(found.name)
        if route is None:
            self.counts.rejected += 1
            return _reset(writer)
        self.counts.passed += 1
        await _forward(start, reader, writer, route.port(found))

    def _count_cut(self, found: RequestedName) -> None:
        if found.source == "sni":
            self.counts.cut_by_sni += 1
        else:
            self.counts.cut_by_host += 1


async def _read_name(reader: asyncio.StreamReader) -> tuple[RequestedName, bytes]:
    start = b""
    while (found := find_name(start)) is None:
        more = await reader.read(START_MAX - len(start))
        if not more:
            raise NoNameError("the connection ended before its first request")
        start += more
    return found, start


async def _forward(start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    async with asyncio.timeout(_DIAL_SECONDS):
        site_reader, site_writer = await asyncio.open_connection(LOOPBACK, port, limit=_CHUNK)
    try:
        site_writer.write(start)
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, site_writer), name="censor: reader to site")
            both.create_task(_copy(site_reader, writer), name="censor: site to reader")
    except* _Failures:
        _reset(writer)
    finally:
        site_writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while True:
        async with asyncio.timeout(_IDLE_SECONDS):
            data = await source.read(_CHUNK)
        if not data:
            break
        sink.write(data)
        async with asyncio.timeout(_IDLE_SECONDS):
            await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST: with a linger time of zero, closing resets the connection instead of ending it in order."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _linger_zero())
    writer.transport.abort()


def _linger_zero() -> bytes:
    # struct linger holds two ints, on Windows two unsigned shorts
    return struct.pack("HH" if os.name == "nt" else "ii", 1, 0)
