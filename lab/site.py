"""A site of the lab, with http on port 80 and https on port 443.

`python -m lab.site NAME PEM [EMBED]` serves `/`, which may carry the switch, `/small` and `/file?bytes=N`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import html
import json
import socket
import ssl
from pathlib import Path

from aiohttp import web

from freespan.cli.running import run_until_stopped
from freespan.demo.payload import FILE_MAX, chunks

TCP_CONGESTION_CONTROL = b"cubic"
"""Of the sites, where the kernel has it."""
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>
<h1>{name}</h1><p>This is {name}, and you are reading it.</p>{embed}
"""


async def _serve(name: str, pem: Path, embed: str) -> None:
    page = _PAGE.format(name=html.escape(name), embed=embed).encode()

    async def index(_: web.Request) -> web.Response:
        return web.Response(body=page, content_type="text/html", charset="utf-8")

    async def small(_: web.Request) -> web.Response:
        return web.Response(text=f"This is {name}, and you are reading it.\n")

    app = web.Application()
    app.add_routes([web.get("/", index), web.get("/small", small), web.get("/file", _file)])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pem)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        for port, context in ((80, None), (443, tls)):
            await web.SockSite(runner, _listener(port), ssl_context=context).start()
        print(json.dumps({"event": "ready"}), flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _listener(port: int) -> socket.socket:
    """Listen for both IP versions, with the usual congestion control whatever the default of this machine is."""
    listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, TCP_CONGESTION_CONTROL)
    return listener


async def _file(request: web.Request) -> web.StreamResponse:
    size = request.query.get("bytes", "")
    if not (size.isascii() and size.isdigit() and int(size[:12]) <= FILE_MAX):
        raise web.HTTPBadRequest(text=f"bytes: a number from 0 to {FILE_MAX}\n")
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.content_length = int(size)
    await response.prepare(request)
    try:
        for chunk in chunks(int(size)):
            await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        pass  # the reader has gone
    return response


def main() -> None:
    """Run the command that the module documents."""
    parser = argparse.ArgumentParser(prog="lab.site")
    parser.add_argument("name")
    parser.add_argument("pem", type=Path)
    parser.add_argument("embed", nargs="?", default="")
    given = parser.parse_args()
    run_until_stopped(_serve(given.name, given.pem, given.embed), verbose=False)


if __name__ == "__main__":
    main()
