"""Closes connections to the host on which nobody asks for anything, or nobody reads the response.

aiohttp bounds none of these waits by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from freespan.api.connections import Connections
from freespan.api.paced_connections import PacedConnection
from freespan.web.decoy_site import SiteFile
from freespan.web.http_fingerprint import QuietConnection


@dataclass(frozen=True)
class IdleTimes:
    """How long a connection may be idle, in seconds.

    Attributes:
        first_head: from the connection to the end of its first request head, and from the first byte of another head
            to its end.
        next_head: from a response to the next request head. Proxies in front of a host keep connections open for later.
        check: between two looks at all connections.
        slowest_read: bytes per second at which a response must be read; it has this time and `next_head`.
    """

    first_head: float = 10.0
    next_head: float = 75.0
    check: float = 1.0
    slowest_read: float = 8 * 1024.0


_AT_ONCE = 1_000
"""Connections that are looked at in one turn of the event loop."""


class IdleConnections:
    """Give `note_request` to the application, and run `watch` in a task. Connections with a request are left alone."""

    def __init__(self, connections: Connections, times: IdleTimes = IdleTimes()) -> None:
        self._connections = connections
        self._times = times
        self._busy: set[web.RequestHandler] = set()
        self._until: dict[web.RequestHandler, float] = {}

    @property
    def is_serving(self) -> bool:
        """Whether any request is under way."""
        return bool(self._busy)

    async def watch(self, server: web.Server) -> None:
        """Close the idle connections of `server`, until cancelled."""
        while True:
            unsent: dict[web.RequestHandler, int] = {}
            connections = list(server.connections)
            for start in range(0, len(connections), _AT_ONCE):
                self._look_at(connections[start : start + _AT_ONCE], unsent)
                await asyncio.sleep(0)
            self._connections.cut_those_that_do_not_read(unsent)
            for gone in self._until.keys() - set(server.connections):
                del self._until[gone]
            await asyncio.sleep(self._times.check)

    def _look_at(self, connections: list[web.RequestHandler], unsent: dict[web.RequestHandler, int]) -> None:
        """Close those that have been idle for too long, and note what others have not read."""
        now = asyncio.get_running_loop().time()
        for each in connections:
            if each in self._busy or each.transport is None:
                continue
            if now >= self._until.setdefault(each, now + self._times.first_head) or self._is_slow(each, now):
                each.transport.abort()
            elif size := each.transport.get_write_buffer_size():
                unsent[each] = size

    def _is_slow(self, connection: web.RequestHandler, now: float) -> bool:
        """Whether a head has begun long ago and not ended."""
        began = connection.head_began if isinstance(connection, QuietConnection) else None
        return began is not None and now >= began + self._times.first_head

    @web.middleware
    async def note_request(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Middleware, the outermost one."""
        connection = request.protocol
        self._busy.add(connection)
        seconds = self._times.next_head
        try:
            if not await self._connections.wait_for_turn(request):
                raise ConnectionResetError("too many requests")
            if isinstance(connection, PacedConnection):
                await connection.take_request()
            response = await handler(request)
            size = response.size if isinstance(response, SiteFile) else response.content_length or 0
            seconds += size / self._times.slowest_read
            return response
        finally:
            self._busy.discard(connection)
            self._until[connection] = asyncio.get_running_loop().time() + seconds
