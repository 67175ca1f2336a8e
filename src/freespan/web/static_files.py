"""Routes for the switch and the pages around it, whose files are part of the package."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import ETag, hdrs, web

from freespan.web import about_page, policies
from freespan.web.scripts import script

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_STATIC = files(__package__).joinpath("static")
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    # what a web server in front has added, which the switch then names
    "Access-Control-Expose-Headers": "X-Frame-Options, Content-Security-Policy",
    "Cache-Control": "public, max-age=300",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}
_COMPRESSED_LEAST = 256
_PLACE_OF_URL = "__PUBLIC_URL__"

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class _Page:
    """An HTML file with a URL of its own, its policy, and what is filled in before it is sent."""

    file: str
    policy: policies.Policy
    fill: Callable[[str], str] = str
    for_embedders: bool = False
    """Whether the host's settings may restrict which sites embed it."""


_PAGES = {
    "/": _Page("pages/index.html", policies.document),
    "/about": _Page("pages/about.html", policies.document, about_page.fill),
    "/bridge": _Page("bridge/bridge.html", policies.bridge, for_embedders=True),
    "/headless": _Page("pages/headless-example.html", policies.document),
    "/self-test": _Page("self-test/self-test.html", policies.bridge),
    "/join": _Page("pages/join.html", policies.document),
    "/embed": _Page("pages/embed.html", policies.switch, for_embedders=True),
    "/embed/configure": _Page("pages/configure.html", policies.document),
    "/globe": _Page("globe/globe.html", policies.globe),
}


@dataclass(frozen=True)
class _Content:
    """A file as it is sent, plain and compressed, with its hash as ETag."""

    plain: bytes
    compressed: bytes | None
    etag: str

    @classmethod
    def of(cls, plain: bytes) -> _Content:
        compressed = gzip.compress(plain, mtime=0) if len(plain) >= _COMPRESSED_LEAST else None
        return cls(plain, compressed, hashlib.sha256(plain).hexdigest()[:32])


def routes(public_url: str | Callable[[], str], embedders: Sequence[str] = ()) -> list[web.RouteDef]:
    """Return routes for `/` (the landing page), `/switch.js`, the other pages and everything that they load.

    Args:
        public_url: the host's URL as browsers know it, without a trailing slash; a callable if it is only known when
            the first request comes, because the port is chosen at start. If it is empty, the landing page cannot show
            the whole line to copy.
        embedders: origins of the only sites that may embed the switch; empty for any site.
    """
    url = public_url if callable(public_url) else lambda: public_url
    files_of_pages = {page.file for page in _PAGES.values()}
    names = sorted({*_names(_STATIC)} - files_of_pages)
    return [
        *(web.get(path, _page(page, url, embedders)) for path, page in _PAGES.items()),
        *(web.get(f"/{name}", _file(name)) for name in names),
    ]


def _names(folder: Traversable, above: str = "") -> Iterator[str]:
    """Yield the paths of all files below a folder, as they stand in a URL."""
    for entry in folder.iterdir():
        name = above + entry.name
        if entry.is_dir():
            yield from _names(entry, f"{name}/")
        else:
            yield name


def _read(name: str) -> bytes:
    return _STATIC.joinpath(*name.split("/")).read_bytes()


def _read_text(name: str) -> str:
    return _read(name).decode()


def _file(name: str) -> _Handler:
    kind = name.rpartition(".")[2]
    content = _Content.of(_as_sent(name, kind))

    async def handle(request: web.Request) -> web.StreamResponse:
        return _respond(request, content, {hdrs.CONTENT_TYPE: _TYPES[kind]})

    return handle


def _as_sent(name: str, kind: str) -> bytes:
    if kind == "js":
        return script(name, _read_text).encode()
    if kind == "json":
        return json.dumps(json.loads(_read(name)), ensure_ascii=False, separators=(",", ":")).encode()
    return _read(name)


def _page(page: _Page, public_url: Callable[[], str], embedders: Sequence[str]) -> _Handler:
    source = page.fill(_read_text(page.file))

    @lru_cache(maxsize=1)
    def content(url: str) -> _Content:
        return _Content.of(source.replace(_PLACE_OF_URL, html.escape(url)).encode())

    async def handle(request: web.Request) -> web.StreamResponse:
        url = public_url()
        headers = page.policy(url)
        if page.for_embedders and embedders:
            headers = policies.embedded_by(embedders, headers, url)
        return _respond(request, content(url), {hdrs.CONTENT_TYPE: _TYPES["html"], **headers})

    return handle


def _respond(request: web.Request, content: _Content, headers: Mapping[str, str]) -> web.Response:
    response = web.Response(headers={**_HEADERS, **headers})
    response.etag = ETag(content.etag, is_weak=True)  # the same for both encodings
    known = request.if_none_match
    if known and any(tag.value in (content.etag, "*") for tag in known):
        response.set_status(304)
        return response
    if content.compressed and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        response.body = content.compressed
    else:
        response.body = content.plain
    return response
