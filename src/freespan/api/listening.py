"""Serves an application at an address. Idle connections are closed, and answers do not name the program."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial

from aiohttp import web

from freespan.api.accepting import ListeningSocket, Tls, accepting
from freespan.api.connections import Connections
from freespan.api.idle_connections import IdleConnections, IdleTimes
from freespan.api.paced_connections import Accounts, PacedConnection
from freespan.sources.requests import SourceReader
from freespan.web.http_fingerprint import MakeConnection, QuietConnection, without_fingerprint
from freespan.wire.errors import InputError

_STOP_SECONDS = 0.3
"""For requests that are under way, then for the connections to be gone, and then twice for what is left of them."""
_LOOK_SECONDS = 0.02
_ACCEPTED_AT_ONCE = 4
"""Connections that are accepted in one turn of the event loop; asyncio accepts as many as it lets wait."""
_NOT_ACCEPTED = 4_096
"""Connections that may wait in the system until they are accepted: those beyond would try again only a second later."""


@contextlib.asynccontextmanager
async def listening(
    app: web.Application,
    host: str,
    port: int,
    tls: Tls | None = None,
    *,
    setting: str = "port",
    connections: Connections | None = None,
    accounts: Accounts | None = None,
    times: IdleTimes | None = None,
) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port, which the system picks for 0.

    `connections` bounds those of several ports together. With `accounts` they take turns by source.

    Raises:
        InputError: field `host` or `setting`; that address or port cannot be used.
    """
    if connections is None:
        connections = Connections(SourceReader())
    idle = IdleConnections(connections, times or IdleTimes())
    app.middlewares.insert(0, idle.note_request)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    watching = asyncio.create_task(idle.watch(runner.server), name="host-idle-connections")
    try:
        if accounts is None:
            make_connection: MakeConnection = partial(QuietConnection, note_head=connections.note_head)
        else:
            make_connection = partial(PacedConnection, accounts, connections.note_head)
        protocols = accepting(connections, without_fingerprint(runner.server, make_connection), tls)
        servers = await _bound(connections, protocols, host, port, setting)
        try:
            yield servers[0].sockets[0].getsockname()[1]
        finally:
            for server in servers:
                server.close()
            await _end_connections(runner.server, idle)
    finally:
        watching.cancel()
        await runner.cleanup()
        await connections.cut_all()


async def _end_connections(server: web.Server, idle: IdleConnections) -> None:
    """Let the requests that are under way end, and then cut all connections: aiohttp would wait for each of them."""
    await _wait_until(lambda: not idle.is_serving)
    for connection in server.connections:
        if connection.transport is not None:
            connection.transport.abort()
    await _wait_until(lambda: not server.connections)


async def _wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, but not for long."""
    end = asyncio.get_running_loop().time() + _STOP_SECONDS
    while not is_so() and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(_LOOK_SECONDS)


async def _bound(
    connections: Connections, protocols: Callable[[], asyncio.Protocol], host: str, port: int, setting: str
) -> list[asyncio.Server]:
    """Listen at all addresses of a host."""
    loop = asyncio.get_running_loop()
    try:
        bound = await loop.create_server(protocols, host, port, start_serving=False)
    except OSError as error:
        raise unusable_address(error, setting, str(port)) from None
    servers = []
    try:
        for each in bound.sockets:
            copy = socket.fromfd(each.fileno(), each.family, each.type, each.proto)
            listener = ListeningSocket(connections, copy.detach())
            servers.append(await loop.create_server(protocols, sock=listener, backlog=_ACCEPTED_AT_ONCE))
            listener.listen(_NOT_ACCEPTED)
    finally:
        bound.close()
    return servers


def unusable_address(error: OSError, setting: str, ports: str, advice: str = "") -> InputError:
    """The error for an address and ports on which the system does not let us listen.

    `setting` is the one that names the port, and `advice` what a person can do besides naming another one.
    """
    # newer Pythons have tried every address, and give no number
    if isinstance(error, socket.gaierror) or error.errno in (None, errno.EADDRNOTAVAIL):
        return InputError("host", "is not an address of this machine")
    reason = os.strerror(error.errno).lower()
    return InputError(setting, f"{ports}: {reason}; choose another one{advice}")
