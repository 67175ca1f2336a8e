"""Serves an application at an address: quiet connections are cut, answers do not tell what makes them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator

from aiohttp import web

from freespan.cli.quiet_connections import QuietConnections
from freespan.web.nameless import nameless
from freespan.wire.errors import InputError

_STOP_SECONDS = 3.0
_HANDSHAKE_SECONDS = 10.0
"""For TLS; as long as for the first request head after it."""


@contextlib.asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None, *, option: str = "port"
) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port, of which 0 picks a free one.

    Raises:
        InputError: field `host`, or `option`, when that address or port cannot be had.
    """
    quiet = QuietConnections()
    app.middlewares.insert(0, quiet.note_request)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    watching = asyncio.create_task(quiet.watch(runner.server), name="host-quiet-connections")
    try:
        server = await _bound(runner.server, host, port, tls, option)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
    finally:
        watching.cancel()
        await runner.cleanup()


async def _bound(server: web.Server, host: str, port: int, tls: ssl.SSLContext | None, option: str) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(
            nameless(server), host, port, ssl=tls, ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None
        )
    except OSError as error:
        raise unusable_address(error, option, str(port)) from None


def unusable_address(error: OSError, option: str, ports: str, advice: str = "") -> InputError:
    """What to say of an address and ports at which the system does not let us listen."""
    # newer Pythons have tried every address, and give no number
    if isinstance(error, socket.gaierror) or error.errno in (None, errno.EADDRNOTAVAIL):
        return InputError("host", "is no address of this machine")
    reason = os.strerror(error.errno).lower()
    return InputError(option, f"{ports}: {reason}; choose another one with --{option}{advice}")
