"""A minimal page with the switch, at an origin of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web


@contextlib.asynccontextmanager
async def page_with_switch(host: str) -> AsyncIterator[str]:
    """Serve a page that embeds the switch of `host` for the length of the block; yields the page's URL."""
    html = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>News</title>"
        f'<script type="module" src="{host}/switch.js"></script><freespan-switch></freespan-switch>'
    )

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
