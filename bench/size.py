"""What a page loads before anyone clicks: the switch and all that it imports, as a host sends it to a browser."""

from __future__ import annotations

import re
import zlib
from urllib.parse import urljoin

import aiohttp

from bench.figures import Figures
from bench.programs import host

_IMPORT = re.compile(r"""^(?:import\s*|(?:import|export)\s[^"';=(]*\sfrom\s*)["']([^"']+)["']""", re.MULTILINE)
_GZIP = 31  # zlib's window bits for a gzip header


async def measure_size(figures: Figures) -> None:
    """Measure `switch_gzip_bytes`: the bodies of all answers together."""
    async with host() as served, aiohttp.ClientSession(auto_decompress=False) as http:
        sizes: dict[str, int] = {}
        waiting = [f"{served.url}/switch.js"]
        while waiting:
            url = waiting.pop()
            if url in sizes:
                continue
            async with http.get(url, headers={"Accept-Encoding": "gzip"}) as response:
                response.raise_for_status()
                body = await response.read()
                packed = response.headers.get("Content-Encoding") == "gzip"
            sizes[url] = len(body)
            source = (zlib.decompress(body, _GZIP) if packed else body).decode()
            waiting += [urljoin(url, found) for found in _IMPORT.findall(source)]
    figures.number("switch_gzip_bytes", sum(sizes.values()))
