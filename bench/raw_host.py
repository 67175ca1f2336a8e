"""The host of the raw pipe: `python -m bench.raw_host` has the real broker and pages, and a `RawSource` as egress."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bench.helper_io import emit, run_helper
from bench.raw_pipe import RawSource
from freespan.broker.server import Broker
from freespan.link.websocket import WebSocketLink
from freespan.observe.counters import HostCounters
from freespan.sealing.hpke import Opener
from freespan.tunnel.identity import new_identity
from freespan.web.static_files import routes as web_routes
from freespan.wire.invite import TOKEN_SIZE, Invite, format_invite
from freespan.wire.limits import MESSAGE_MAX


async def main() -> None:
    """Serve on a free port of loopback until cancelled."""
    url = ""
    identity = new_identity()
    opener = Opener(identity.sealing_key)
    broker = Broker(lambda: url.replace("http", "ws", 1) + "/v1/egress", opener, HostCounters())
    app = web.Application()
    app.add_routes([*broker.routes(), *web_routes(lambda: url), web.get("/v1/egress", _egress)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        invite = Invite(url, identity.pin, identity.public_sealing_key, bytes(TOKEN_SIZE))
        emit({"event": "ready", "url": url, "invite": format_invite(invite)})
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


async def _egress(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=MESSAGE_MAX, compress=False)
    await socket.prepare(request)
    link = WebSocketLink(socket)
    link.start(RawSource(link))
    await link.run()
    return socket


if __name__ == "__main__":
    run_helper(main())
