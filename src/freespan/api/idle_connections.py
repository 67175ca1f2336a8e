"""Closes connections to the host on which nobody asks for anything: each holds a file descriptor of the process.

aiohttp bounds none of these waits by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class IdleTimes:
    """How long a connection may be idle, in seconds.

    Attributes:
        first_head: from the connection to the end of its first request head.
        next_head: from a response to the next request head. Proxies in front of a host keep connections open for later.
        check: between two looks at all connections.
    """

    first_head: float = 10.0
    next_head: float = 75.0
    check: float = 1.0


class IdleConnections:
    """Give `note_request` to the application, and run `watch` in a task. Connections with a request are left alone."""

    def __init__(self, times: IdleTimes = IdleTimes()) -> None:
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
            now = asyncio.get_running_loop().time()
            first = now + self._times.first_head
            self._until = {each: self._until.get(each, first) for each in server.connections}
            for connection, until in self._until.items():
                if now >= until and connection not in self._busy and connection.transport is not None:
                    connection.transport.abort()
            await asyncio.sleep(self._times.check)

    @web.middleware
    async def note_request(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Middleware, the outermost one."""
        connection = request.protocol
        self._busy.add(connection)
        try:
            return await handler(request)
        finally:
            self._busy.discard(connection)
            self._until[connection] = asyncio.get_running_loop().time() + self._times.next_head
