"""A handler of aiohttp that does nothing, as the measure of a broker: `python -m bench.empty_host`."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bench.helper_io import emit, run_helper

PATH = "/empty"
_BODY = bytes(2_048)
"""As long as the answer of a broker."""


async def main() -> None:
    """Serve on a free port of loopback until cancelled."""
    app = web.Application()
    app.add_routes([web.post(f"{PATH}/v1/rendezvous", _answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        emit({"event": "ready", "port": runner.addresses[0][1]})
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=_BODY, content_type="application/octet-stream")


if __name__ == "__main__":
    run_helper(main())
