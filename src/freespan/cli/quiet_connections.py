"""Cuts connections to the host on which nobody asks for anything: each holds a file of the process.

aiohttp bounds none of these waits by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

_FIRST_HEAD_SECONDS = 10.0
"""From the connection to its first whole request head."""
_NEXT_HEAD_SECONDS = 75.0
"""From a response to the next head; proxies in front of a host keep connections for later."""
_LOOK_SECONDS = 1.0


class QuietConnections:
    """Give `note_request` to the application, and run `watch` in a task. Requests under way are left alone."""

    def __init__(self) -> None:
        self._busy: set[web.RequestHandler] = set()
        self._until: dict[web.RequestHandler, float] = {}

    async def watch(self, server: web.Server) -> None:
        """Look after the connections of `server`, until cancelled."""
        while True:
            now = asyncio.get_running_loop().time()
            first = now + _FIRST_HEAD_SECONDS
            self._until = {each: self._until.get(each, first) for each in server.connections}
            for connection, until in self._until.items():
                if now >= until and connection not in self._busy and connection.transport is not None:
                    connection.transport.abort()
            await asyncio.sleep(_LOOK_SECONDS)

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
            self._until[connection] = asyncio.get_running_loop().time() + _NEXT_HEAD_SECONDS
