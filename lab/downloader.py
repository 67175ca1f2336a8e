"""The reader's downloader: a program that downloads URLs on request, directly or through a proxy.

It keeps running and reads requests from its standard input, so that no figure includes its start-up. A request is one
line: `{"url": …, "proxy": "host:port" or "", "seconds": limit, "sha256": expected or ""}`, with `flow_seconds` where
needed (see `fetch`). The answer is one line as well: `{"event": "fetched", "ok": true, "at": …, "first_byte_s": …,
"seconds": …, "bytes": …}` or `{…, "ok": false, "why": …}`. `at` is the time of the first byte by the monotonic clock,
which all programs of a machine share.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import sys
import time
from typing import Any

import aiohttp

from freespan.cli.running import run_until_stopped

_CHUNK = 256 * 1024
BYTES_MAX = 256 * 1024 * 1024


async def fetch(url: str, proxy: str, seconds: float, sha256: str, flow_seconds: float = 0.0) -> dict[str, Any]:
    """GET a URL on a new connection; returns the answer as above, without `event`.

    Args:
        url: to get.
        proxy: `host:port`; empty for none.
        seconds: limit for all of it.
        sha256: of the expected body; empty for any.
        flow_seconds: if not 0, a new limit that begins with the first byte.
    """
    start, got = time.monotonic(), 0
    first = 0.0
    digest = hashlib.sha256()
    try:
        async with asyncio.timeout(seconds) as limit, aiohttp.ClientSession(trust_env=False) as http:
            where = f"http://{proxy}" if proxy else None
            async with http.get(url, proxy=where, headers={"Accept-Encoding": "identity"}) as response:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    if not first:
                        first = time.monotonic()
                        if flow_seconds:
                            limit.reschedule(asyncio.get_running_loop().time() + flow_seconds)
                    digest.update(chunk)
                    got += len(chunk)
                    if got > BYTES_MAX:
                        return _failed("the answer is too long", got)
                if response.status != 200:
                    return _failed(f"answered {response.status}", got)
    except TimeoutError:
        return _failed("no answer in time" if not got else "too slow", got, time.monotonic() - (first or start))
    except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
        return _failed(_reason(error), got)
    end = time.monotonic()
    if sha256 and digest.hexdigest() != sha256:
        return _failed("the bytes differ from those of the site", got)
    return {
        "ok": True,
        "at": first or end,
        "first_byte_s": (first or end) - start,
        "seconds": end - start,
        "bytes": got,
    }


def _failed(why: str, got: int, seconds: float = 0.0) -> dict[str, Any]:
    return {"ok": False, "why": why, "bytes": got, "seconds": seconds}


def _reason(error: Exception) -> str:
    """Describe an error in the terms of networks, without addresses."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "wrong certificate"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such name"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    text = str(error).lower()
    if "reset" in text or isinstance(error, aiohttp.ServerDisconnectedError):
        return "connection reset"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"


async def _serve() -> None:
    lines = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    print(json.dumps({"event": "ready"}), flush=True)
    try:
        while line := await lines.readline():
            print(json.dumps({"event": "fetched", **await fetch(**json.loads(line))}), flush=True)
    finally:
        transport.close()


if __name__ == "__main__":
    run_until_stopped(_serve(), verbose=False)
