"""Routes for the switch, the bridge page and the landing page, from files that lie in the package."""

from __future__ import annotations

import gzip
import hashlib
import html
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

from aiohttp import ETag, hdrs, web

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_STATIC = files(__package__).joinpath("static")
_PAGES = {"/": "pages/index.html", "/bridge": "frame/bridge.html", "/self-test": "self-test/self-test.html"}
_SANDBOXED = {"/bridge", "/self-test"}
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
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
class _Content:
    """A file as it is sent, plain and compressed, with the hash by which browsers know it again."""

    plain: bytes
    compressed: bytes | None
    etag: str

    @classmethod
    def of(cls, plain: bytes) -> _Content:
        compressed = gzip.compress(plain, mtime=0) if len(plain) >= _COMPRESSED_LEAST else None
        return cls(plain, compressed, hashlib.sha256(plain).hexdigest()[:32])


def routes(public_url: str | Callable[[], str]) -> list[web.RouteDef]:
    """Routes of `/` (landing page), `/bridge`, `/self-test`, `/switch.js` and what they load.

    Args:
        public_url: the host's URL as browsers know it, without a slash at its end; a callable if it is known
            only when the first request comes, because the port is picked at start. May be empty, but then the
            landing page cannot show the whole line to paste.
    """
    url = public_url if callable(public_url) else lambda: public_url
    pages = [web.get(path, _page(_read(name), path, url)) for path, name in _PAGES.items()]
    names = sorted({*_names(_STATIC)} - {*_PAGES.values()})
    return [
        *pages,
        *(web.get(f"/{name}", _file(_read(name), _TYPES[name.rpartition(".")[2]])) for name in names),
    ]


def _names(folder: Traversable, above: str = "") -> Iterator[str]:
    """The files of a folder and of those in it, as they stand in a URL."""
    for entry in folder.iterdir():
        name = above + entry.name
        if entry.is_dir():
            yield from _names(entry, f"{name}/")
        else:
            yield name


def _read(name: str) -> bytes:
    return _STATIC.joinpath(*name.split("/")).read_bytes()


def _file(plain: bytes, kind: str) -> _Handler:
    content = _Content.of(plain)

    async def handle(request: web.Request) -> web.StreamResponse:
        return _respond(request, content, {hdrs.CONTENT_TYPE: kind})

    return handle


def _page(source: bytes, path: str, public_url: Callable[[], str]) -> _Handler:
    policy = _bridge_policy if path in _SANDBOXED else _landing_policy

    @lru_cache(maxsize=1)
    def content(url: str) -> _Content:
        return _Content.of(source.replace(_PLACE_OF_URL.encode(), html.escape(url).encode()))

    async def handle(request: web.Request) -> web.StreamResponse:
        url = public_url()
        return _respond(request, content(url), {hdrs.CONTENT_TYPE: _TYPES["html"], **policy(url)})

    return handle


def _bridge_policy(url: str) -> dict[str, str]:
    """Give a page that acts as a bridge an origin of its own, and let it reach nothing but this host.

    `'self'` means nothing to some browsers in an opaque origin, so the host is named as well; WebRTC is not
    governed by a policy. The worker is a timer (clock.js). The embedder policy is for isolated pages.
    No `frame-ancestors`: any page may embed this one, and `*` would leave out files and sandboxed pages.
    """
    origin = _origin(url)
    socket = origin.replace("http", "ws", 1)
    rules = (
        "sandbox allow-scripts",
        "default-src 'none'",
        f"script-src 'self' {origin}",
        f"connect-src 'self' {socket}",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(rule.strip() for rule in rules),
        "Cross-Origin-Embedder-Policy": "require-corp",
    }


def _landing_policy(url: str) -> dict[str, str]:
    host = f"'self' {_origin(url)}".strip()
    rules = (
        "default-src 'none'",
        f"script-src {host}",
        f"frame-src {host}",
        f"connect-src {host}",
        "style-src 'self'",
        "img-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return {"Content-Security-Policy": "; ".join(rules)}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


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
