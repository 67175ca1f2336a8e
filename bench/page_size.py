"""How much browsers load from a host, as it is sent: with the page, after the click, and for the globe."""

from __future__ import annotations

import re
import zlib
from urllib.parse import urljoin

import aiohttp

from bench.figures import Figures
from bench.programs import host

_LOADS = {
    "switch_gzip_bytes": ("/switch.js", "/languages/be.json"),  # the largest of all languages
    "bridge_gzip_bytes": ("/bridge", "/headless.js", "/element/caution.js"),
    "globe_gzip_bytes": ("/globe",),
}
"""The first paths of each; those that a script computes are listed as well."""

_IMPORT = re.compile(r"""(?:^|;)import(?:[^"';=(]*\bfrom)?\s*["']([^"']+)["']""", re.MULTILINE)
_IN_HTML = re.compile(r"""<(?:script|link)\b[^>]*\s(?:src|href)="([^"]+)\"""")
_GZIP = 31  # zlib's window bits for a gzip header


async def measure_size(figures: Figures) -> None:
    """Measure the sum of all bodies, for each of these."""
    async with host() as served, aiohttp.ClientSession(auto_decompress=False) as http:
        for name, paths in _LOADS.items():
            figures.number(name, await _size(http, [served.url + path for path in paths]))


async def _size(http: aiohttp.ClientSession, waiting: list[str]) -> int:
    """Return the size of what is loaded at once; what a script loads later is not included."""
    sizes: dict[str, int] = {}
    while waiting:
        url = waiting.pop()
        if url in sizes:
            continue
        async with http.get(url, headers={"Accept-Encoding": "gzip"}) as response:
            response.raise_for_status()
            body = await response.read()
            packed = response.headers.get("Content-Encoding") == "gzip"
            found = {"text/javascript": _IMPORT, "text/html": _IN_HTML}.get(response.content_type)
        sizes[url] = len(body)
        if found:
            source = (zlib.decompress(body, _GZIP) if packed else body).decode()
            waiting += [urljoin(url, name) for name in found.findall(source)]
    return sum(sizes.values())
