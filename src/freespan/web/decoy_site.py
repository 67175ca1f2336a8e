"""The web site that a host shows to everybody who does not know its path: a folder of files, or one stock page.

Whoever probes a host sees this and nothing else. The stock page and the error pages are exactly those of a default
installation of the most common server, so that hosts of freespan cannot be found by a page that only they have.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from freespan.web.complaints import COMPLAINTS_PATH

_STOCK = Path(__file__).with_name("stock")
"""A site of one page. It is a file, so that it is served like one: with a date, ranges and conditional requests."""
_INDEX = "index.html"
_CERTIFICATES = ".well-known"
"""The only folder with a leading dot that is served, for certificate authorities (RFC 8555 section 8.3)."""
_UNSAFE = re.compile(r"[\\:\0]")
"""Characters that are not part of a name on some systems."""
_SENTENCES = {
    400: "Your browser sent a request that this server could not understand.<br />\n",
    403: "You don't have permission to access this resource.",
    404: "The requested URL was not found on this server.",
    405: "The requested method is not allowed for this URL.",
    414: "The requested URL's length exceeds the capacity\nlimit for this server.<br />\n",
}
_PHRASES = {413: "Request Entity Too Large", 414: "Request-URI Too Long"}
"""The reason phrases of that server, where those of Python differ or depend on its version."""
_METHODS = ("GET", "HEAD", "POST")
"""Other methods are refused whether or not the page exists."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def error_page(status: int) -> web.Response:
    """Return an error page that does not identify the program that made it."""
    phrase = _PHRASES.get(status) or HTTPStatus(status).phrase
    sentence = f"<p>{_SENTENCES[status]}</p>\n" if status in _SENTENCES else ""
    text = (
        '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n'
        f"<html><head>\n<title>{status} {phrase}</title>\n</head><body>\n<h1>{phrase}</h1>\n{sentence}</body></html>\n"
    )
    response = web.Response(status=status, reason=phrase, text=text, content_type="text/html", charset="iso-8859-1")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = "GET, HEAD"
    return response


class SiteFile(web.FileResponse):
    """A file of the site. Its size is known before it is sent, which aiohttp's own does not tell. Raises `OSError`."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.size = file.stat().st_size


class DecoySite:
    """Serves the files of `folder` (with `index.html` for a folder), or the stock page alone.

    It serves nothing outside the folder, even by symbolic links, no listings, and no names that start with a dot.
    The page for `complaints` is added to the files of the folder, and is shown in place of the stock page.
    """

    def __init__(self, folder: Path | None = None, complaints: Path | None = None) -> None:
        self._folder = (folder or _STOCK).resolve()
        self._complaints = complaints
        self._is_stock = folder is None

    def routes(self) -> list[web.RouteDef]:
        """Return a route for every path, to be added after all others."""
        return [web.route("*", "/{path:.*}", self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, as a file server does."""
        if request.method not in _METHODS:
            return error_page(405)
        response = await asyncio.to_thread(self._find_or_complaints, request.path)
        if response.status == 200 and request.method == "POST":
            return error_page(405)
        return response

    def _find_or_complaints(self, path: str) -> web.StreamResponse:
        if self._complaints is not None and self._is_stock and path == "/":
            return _page(self._complaints)
        found = self._find(path)
        if self._complaints is not None and path == f"/{COMPLAINTS_PATH}" and found.status == 404:
            return _page(self._complaints)
        return found

    def _find(self, path: str) -> web.StreamResponse:
        names = [name for name in path.split("/") if name]
        if any(_UNSAFE.search(name) or (name[0] == "." and name != _CERTIFICATES) for name in names):
            return error_page(404)
        try:
            found = self._folder.joinpath(*names).resolve(strict=True)
            if found.is_dir() and not path.endswith("/"):
                return _moved(f"/{'/'.join(names)}/") if (found / _INDEX).is_file() else error_page(404)
            if path.endswith("/"):
                found = (found / _INDEX).resolve(strict=True)
            if found.is_relative_to(self._folder) and found.is_file():
                return SiteFile(found)
        except (OSError, RuntimeError):  # missing, not readable, a name that is too long; a loop of links
            pass
        return error_page(404)


def _page(file: Path) -> web.StreamResponse:
    try:
        response = SiteFile(file)
    except OSError:  # somebody has taken it away
        return error_page(404)
    response.content_type = "text/html" if file.suffix == ".html" else "text/plain"
    response.charset = "utf-8"
    return response


def _moved(path: str) -> web.Response:
    return web.Response(status=301, headers={"Location": path})


@web.middleware
async def hide_errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Give every error outside the host's path an error page."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return error_page(error.status if request.method in _METHODS else 405)


def redirect_to(base: str) -> web.Application:
    """Return an application that redirects every request to the same path at `base`, a URL without a path."""

    async def handle(request: web.Request) -> web.StreamResponse:
        path = request.raw_path if request.raw_path.startswith("/") else "/"
        return web.Response(status=301, headers={"Location": base + path})

    app = web.Application(middlewares=[hide_errors])
    app.router.add_route("*", "/{path:.*}", handle)
    return app
