"""A page like that of a newspaper, with headline, picture, text and a button; without a switch, or with one.

Its host name differs from that of the bench's hosts, so that a browser treats the two as different sites.
"""

from __future__ import annotations

import contextlib
import random
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

LAYOUTS = ("inline", "card", "banner", "floating")
Url = Callable[[str], str]
"""Returns the URL of the page with the switch in one of LAYOUTS, or without a switch if that is empty."""

_RESERVED = {"inline": 69, "card": 445}
"""The height in CSS pixels that the docs tell publishers to reserve; layouts that cover the page need none."""
_SCRIPT = (Path(__file__).parent / "web_vitals.js").read_bytes()
_PICTURE_SIZE = (800, 360)
_STYLE = """
    body { margin: 0 auto; max-width: 800px; font: 17px/1.5 Georgia, serif; color: #222; background: #fff }
    img { display: block; width: 100%; height: auto } h1 { font-size: 2.2em; line-height: 1.1; margin: .5em 0 }
"""
_UNFOLD = "document.querySelector('button').onclick = () => (document.querySelector('#more').hidden = false);"
_TEXT = "The council met on Tuesday to hear from those who live along the river, where the water has risen again. " * 4


@contextlib.asynccontextmanager
async def news_page(host: str) -> AsyncIterator[Url]:
    """Serve the page for the length of the block; its switch is that of `host`."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=_html(host, request.match_info["layout"]), content_type="text/html")

    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=_PICTURE, content_type="image/png")

    async def script(request: web.Request) -> web.Response:
        return web.Response(body=_SCRIPT, content_type="text/javascript")

    app = web.Application()
    app.add_routes(
        [web.get("/page/{layout:[a-z]*}", page), web.get("/picture.png", picture), web.get("/web_vitals.js", script)]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        yield lambda layout: f"http://localhost:{port}/page/{layout}"
    finally:
        await runner.cleanup()


def _html(host: str, layout: str) -> str:
    height = _RESERVED.get(layout)
    reserved = f"freespan-switch {{ display: block; min-height: {height}px }}" if height else ""
    line = (
        f'<script type="module" src="{host}/switch.js"></script><freespan-switch layout="{layout}"></freespan-switch>'
        if layout
        else ""
    )
    picture_width, picture_height = _PICTURE_SIZE
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>News</title><style>{_STYLE}{reserved}</style>"
        '<script src="/web_vitals.js"></script>'
        "<h1>The river has risen again</h1>"
        f'<img src="/picture.png" width={picture_width} height={picture_height} alt="A river">'
        f"<p>{_TEXT}</p><button>Read on</button><p id=more hidden>{_TEXT}</p>{line}"
        f"{f'<p>{_TEXT}</p>' * 12}<script>{_UNFOLD}</script>"
    )


def _png(width: int, height: int) -> bytes:
    """Return a picture that compresses as badly as a photograph."""
    noise = random.Random(1)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + noise.randbytes(width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


_PICTURE = _png(*_PICTURE_SIZE)
