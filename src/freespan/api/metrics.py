"""The counters of a host on a port of their own, for a Prometheus on the same machine.

Bytes and sockets are exact there: a clock of what readers do, for whoever may read it. So it is no part of what the
host shows the world, and nobody but this machine can connect. A page in a browser of this machine cannot read it
either: its name for this address (DNS rebinding) is not one of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from freespan.api.connections import ConnectionLimits, Connections
from freespan.api.listening import listening
from freespan.observe.counters import HostCounters
from freespan.sources.requests import SourceReader

_ADDRESS = "127.0.0.1"
_NAMES = {_ADDRESS, "localhost", "::1"}
_CONNECTIONS_MAX = 64
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@contextlib.asynccontextmanager
async def serving_metrics(counters: HostCounters, port: int) -> AsyncIterator[str]:
    """Serve `/metrics` on this port of loopback for the length of the block; yields its URL. 0 picks a free port.

    Raises:
        InputError: field `metrics-port`; the port cannot be used.
    """

    async def handle(request: web.Request) -> web.Response:
        return web.Response(
            body=counters.exposition(), headers={"Content-Type": _CONTENT_TYPE, "Cache-Control": "no-store"}
        )

    app = web.Application(middlewares=[_for_this_machine])
    app.add_routes([web.get("/metrics", handle)])
    connections = Connections(SourceReader(), ConnectionLimits(most=_CONNECTIONS_MAX))
    publishing = asyncio.create_task(counters.publish_regularly(), name="host-metrics")
    try:
        async with listening(app, _ADDRESS, port, setting="metrics-port", connections=connections) as taken:
            yield f"http://{_ADDRESS}:{taken}/metrics"
    finally:
        publishing.cancel()


@web.middleware
async def _for_this_machine(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse requests in which this address has a name that somebody else has given it."""
    name = request.headers.get("Host")
    if name is not None and _host_of(name) not in _NAMES:
        raise web.HTTPForbidden(text="this port is for 127.0.0.1 and localhost alone\n")
    return await handler(request)


def _host_of(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None
