"""The two sites of the demo: `news.test`, whose page carries the switch, and `blocked.test`, which the censor blocks.

Both are served on loopback over http and over https, with certificates of the demo's own authority.
"""

from __future__ import annotations

import contextlib
import hashlib
import html
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib import resources

from aiohttp import web

from freespan.demo.addresses import BLOCKED, LOOPBACK, NEWS
from freespan.demo.censor import Route
from freespan.demo.certificates import DemoAuthority
from freespan.demo.payload import FILE_MAX, chunks, sha256_of
from freespan.demo.ports import usable_port

DOWNLOAD_SIZE = 32 * 1024 * 1024
"""Size in bytes of the file that the demo downloads."""

_DOWNLOADS_MAX = 16
"""How many downloads may run at a time; another one gets 503."""
_SHUTDOWN_SECONDS = 1.0


@dataclass(slots=True)
class Traffic:
    """What a site has served so far."""

    requests: int = 0
    body_bytes: int = 0


class Site:
    """One site; its pages are bytes that never change.

    Args:
        name: its host name.
        pages: content type and body by path.
        files: whether it serves downloads at `/file?bytes=N`.
    """

    def __init__(self, name: str, pages: dict[str, tuple[str, bytes]], *, files: bool = False) -> None:
        self.name = name
        self.traffic = Traffic()
        self.http_port = 0
        self.https_port = 0
        self._pages = pages
        self._downloads = 0
        self._app = web.Application(middlewares=[self._count], client_max_size=1024)
        for path in pages:
            self._app.router.add_get(path, self._page)
        if files:
            self._app.router.add_get("/file", self._file)

    @property
    def route(self) -> Route:
        return Route(self.http_port, self.https_port)

    def page_sha256(self, path: str = "/") -> str:
        """SHA-256, in hexadecimal, of the page as the site sends it."""
        return hashlib.sha256(self._pages[path][1]).hexdigest()

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext, http_port: int = 0, https_port: int = 0) -> AsyncIterator[Site]:
        """Serve while the block runs, on the given ports if they are free."""
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            self.http_port = await _listen(runner, http_port, None)
            self.https_port = await _listen(runner, https_port, tls)
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _count(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.traffic.requests += 1
        return await handler(request)

    async def _page(self, request: web.Request) -> web.Response:
        content_type, body = self._pages[request.path]
        self.traffic.body_bytes += len(body)
        return web.Response(
            body=body, content_type=content_type, charset="utf-8", headers={"Cache-Control": "no-store"}
        )

    async def _file(self, request: web.Request) -> web.StreamResponse:
        size = _asked_size(request)
        if self._downloads >= _DOWNLOADS_MAX:
            raise web.HTTPServiceUnavailable(text="too many downloads at a time\n", headers={"Retry-After": "1"})
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        response.content_length = size
        self._downloads += 1
        try:
            await response.prepare(request)
            for chunk in chunks(size):
                await response.write(chunk)
                self.traffic.body_bytes += len(chunk)
            await response.write_eof()
        except ConnectionError:
            pass  # the reader has gone
        finally:
            self._downloads -= 1
        return response


def news_site(embed: str) -> Site:
    """Return the news site.

    Args:
        embed: the HTML that the host gives to publishers, used as it is.
    """
    return Site(NEWS, {"/": ("text/html", _fill("news.html", embed=embed))})


def blocked_site() -> Site:
    """Return the blocked site: `/`, `/small` and `/file?bytes=N`."""
    page = _fill(
        "blocked.html",
        size=str(DOWNLOAD_SIZE),
        mib=str(DOWNLOAD_SIZE // 2**20),
        sha256=sha256_of(DOWNLOAD_SIZE),
    )
    small = b"This is blocked.test, and you are reading it.\n"
    return Site(BLOCKED, {"/": ("text/html", page), "/small": ("text/plain", small)}, files=True)


def _fill(page: str, **values: str) -> bytes:
    text = resources.files("freespan.demo").joinpath("pages", page).read_text("utf-8")
    for key, value in values.items():
        text = text.replace("{{" + key + ":code}}", html.escape(value)).replace("{{" + key + "}}", value)
    return text.encode()


def _asked_size(request: web.Request) -> int:
    text = request.query.get("bytes", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) <= FILE_MAX):
        raise web.HTTPBadRequest(text=f"bytes: a number from 0 to {FILE_MAX}\n")
    return int(text)


async def _listen(runner: web.AppRunner, port: int, tls: ssl.SSLContext | None) -> int:
    before = len(runner.addresses)
    await web.TCPSite(runner, LOOPBACK, usable_port(port), ssl_context=tls).start()
    return int(runner.addresses[before][1])


@contextlib.asynccontextmanager
async def both_sites(embed: str, authority: DemoAuthority, *, fixed_ports: bool) -> AsyncIterator[tuple[Site, Site]]:
    """Serve the news site and the blocked site while the block runs.

    Args:
        embed: see `news_site`.
        authority: signs the certificates.
        fixed_ports: whether to use the ports 8001 and 8002, where they are free.
    """
    news, blocked = news_site(embed), blocked_site()
    news_port, blocked_port = (8001, 8002) if fixed_ports else (0, 0)
    async with (
        news.serving(authority.server_context(NEWS), news_port),
        blocked.serving(authority.server_context(BLOCKED), blocked_port),
    ):
        yield news, blocked
