"""Serves aiohttp routes on a free port of loopback, as `freespan serve` does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable

from aiohttp import web


@contextlib.asynccontextmanager
async def serving(routes: Iterable[web.AbstractRouteDef], port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs; yields the URL."""
    app = web.Application()
    app.add_routes(list(routes))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
