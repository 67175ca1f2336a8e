"""A site on loopback for the programs: files, a Git repository, packages, a stream, and what it was asked.

It runs in a thread of its own, over HTTP and over HTTPS with a certificate for `site.test`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler

from freespan.demo.certificates import DemoAuthority
from tests.programs.path import SITE

TICKS = 5
"""Pieces of the page that comes little by little."""
_SECONDS = 30.0
_FILES = web.AppKey("files", Path)


class Origin:
    """`files` is the folder that is served; `asked` has method and path of each request, as they came."""

    def __init__(self, files: Path, authority: DemoAuthority) -> None:
        self.files = files
        self.authority = authority.file
        self.port = 0
        self.tls_port = 0
        self.asked: list[str] = []
        self.connections: set[object] = set()
        """Those over which requests came."""

    @property
    def http(self) -> str:
        return f"http://{SITE}:{self.port}"

    @property
    def https(self) -> str:
        return f"https://{SITE}:{self.tls_port}"


@contextlib.contextmanager
def running_origin(folder: Path) -> Iterator[Origin]:
    """Serve while the block runs."""
    files = folder / "files"
    files.mkdir()
    authority = DemoAuthority(folder)
    origin = Origin(files, authority)
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(_serve(origin, authority.server_context(SITE), ready, stop)), daemon=True
    )
    thread.start()
    try:
        assert ready.wait(_SECONDS)
        yield origin
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_SECONDS)
        loop.close()


async def _serve(origin: Origin, tls: ssl.SSLContext, ready: threading.Event, stop: asyncio.Event) -> None:
    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin.asked.append(f"{request.method} {request.raw_path}")
        origin.connections.add(request.transport)
        return await handler(request)

    app = web.Application(middlewares=[note], client_max_size=1 << 30)
    app[_FILES] = origin.files
    app.router.add_route("*", "/echo", _echo)
    app.router.add_get("/ticks", _ticks)
    app.router.add_get("/ws", _websocket)
    app.router.add_route("*", "/git/{path:.*}", _git)
    app.router.add_get("/simple/{name}/", _index)
    app.router.add_static("/", origin.files)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        plain, secure = web.TCPSite(runner, "127.0.0.1", 0), web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await plain.start()
        await secure.start()
        origin.port, origin.tls_port = (int(address[1]) for address in runner.addresses)
        ready.set()
        await stop.wait()
    finally:
        await runner.cleanup()


async def _echo(request: web.Request) -> web.Response:
    """What was asked, as JSON."""
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "size": len(body),
        },
        headers={"Set-Cookie": "seen=yes", "Access-Control-Allow-Origin": "*"},
    )


async def _ticks(request: web.Request) -> web.StreamResponse:
    """A response that comes in chunks, each of them when the one before has gone."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(TICKS):
        await response.write(f"data: {number}\n\n".encode())
        await asyncio.sleep(0.02)
    await response.write_eof()
    return response


async def _websocket(request: web.Request) -> web.WebSocketResponse:
    """Sends back what it gets."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def _index(request: web.Request) -> web.FileResponse:
    """The page of a package."""
    return web.FileResponse(request.app[_FILES] / "simple" / request.match_info["name"] / "index.html")


async def _git(request: web.Request) -> web.Response:
    """Git's own server, by CGI."""
    files = request.app[_FILES]
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(files / "repositories"),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": "/" + request.match_info["path"],
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": "reader",
    }
    process = await asyncio.create_subprocess_exec(
        "git", "http-backend", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
    )
    output, _ = await process.communicate(await request.read())
    head, _, body = output.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    status = int(headers.pop("Status", "200").split()[0])
    return web.Response(status=status, body=body, headers=headers)
