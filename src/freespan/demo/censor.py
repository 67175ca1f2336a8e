"""A censor in the reader's path: reads the name at a connection's start and cuts forbidden ones with a RST.

It does what real ones do with SNI and Host: everything else passes untouched, so that one sees that the road
works and only the name is cut. As with them, the first request of a connection decides for all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass

from freespan.demo.errors import NoNameError
from freespan.demo.names import START_MAX, Asked, find_name
from freespan.demo.ports import LOOPBACK, usable_port

CONNECTIONS_MAX = 64
"""Connections at a time; the next one is cut."""
START_SECONDS = 10.0
"""For the bytes that show the name."""
DIAL_SECONDS = 5.0
IDLE_SECONDS = 60.0
"""A direction in which nothing moves for so long ends its connection."""
_CHUNK = 64 * 1024

_Failures = (OSError, asyncio.IncompleteReadError, TimeoutError, NoNameError)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a name's site listens on loopback."""

    http_port: int
    https_port: int

    def port(self, asked: Asked) -> int:
        return self.https_port if asked.by == "sni" else self.http_port


@dataclass(slots=True)
class Counts:
    """Connections so far."""

    cut_by_sni: int = 0
    cut_by_host: int = 0
    passed: int = 0
    turned_away: int = 0
    """Unreadable, of an unknown name, or over the limit."""

    @property
    def cut(self) -> int:
        return self.cut_by_sni + self.cut_by_host


class Censor:
    """Listens on one loopback port; forwards by name, except for `blocked` names and all names under them."""

    def __init__(self, blocked: Collection[str], routes: Mapping[str, Route]) -> None:
        self._blocked = frozenset(blocked)
        self._routes = dict(routes)
        self._under_way: set[asyncio.Task[None]] = set()
        self.counts = Counts()
        self.port = 0

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[Censor]:
        """Listen while the block runs, on `port` if it is free; `self.port` tells which it became."""
        server = await asyncio.start_server(self._serve, LOOPBACK, usable_port(port), limit=_CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._under_way:
                task.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=DIAL_SECONDS)

    def forbids(self, name: str) -> bool:
        """True for a blocked name and for every name under it."""
        return any(name == blocked or name.endswith("." + blocked) for blocked in self._blocked)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # streams run this in a task of its own
        if len(self._under_way) >= CONNECTIONS_MAX:
            self.counts.turned_away += 1
            return _reset(writer)
        self._under_way.add(task)
        try:
            await self._judge(reader, writer)
        except _Failures:
            _reset(writer)
        finally:
            self._under_way.discard(task)
            writer.close()

    async def _judge(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                asked, start = await _read_name(reader)
        except _Failures:
            self.counts.turned_away += 1
            raise
        if self.forbids(asked.name):
            self._count_cut(asked)
            return _reset(writer)
        route = self._routes.get(asked.name)
        if route is None:
            self.counts.turned_away += 1
            return _reset(writer)
        self.counts.passed += 1
        await _forward(start, reader, writer, route.port(asked))

    def _count_cut(self, asked: Asked) -> None:
        if asked.by == "sni":
            self.counts.cut_by_sni += 1
        else:
            self.counts.cut_by_host += 1


async def _read_name(reader: asyncio.StreamReader) -> tuple[Asked, bytes]:
    start = b""
    while (asked := find_name(start)) is None:
        more = await reader.read(START_MAX - len(start))
        if not more:
            raise NoNameError("the connection ended before it asked for anything")
        start += more
    return asked, start


async def _forward(start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    async with asyncio.timeout(DIAL_SECONDS):
        site_reader, site_writer = await asyncio.open_connection(LOOPBACK, port, limit=_CHUNK)
    try:
        site_writer.write(start)
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, site_writer), name="censor: reader to site")
            both.create_task(_pump(site_reader, writer), name="censor: site to reader")
    except* _Failures:
        _reset(writer)
    finally:
        site_writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while True:
        async with asyncio.timeout(IDLE_SECONDS):
            data = await source.read(_CHUNK)
        if not data:
            break
        sink.write(data)
        async with asyncio.timeout(IDLE_SECONDS):
            await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST: with a linger time of zero, closing drops the connection instead of ending it."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _linger_zero())
    writer.transport.abort()


def _linger_zero() -> bytes:
    # struct linger holds two ints, on Windows two unsigned shorts
    return struct.pack("HH" if os.name == "nt" else "ii", 1, 0)
