"""What a reader's browser would do: download URLs, straight or by way of a proxy, and say how it went.

A program that stays and takes orders from its standard input, one JSON object a line, so that its own start-up counts
in no figure: `{"url": …, "proxy": "host:port" or "", "seconds": limit, "sha256": expected or ""}`, perhaps with
`flowing` (see `fetch`). Its answer is one line too: `{"event": "fetched", "ok": true, "at": …, "first_byte_s": …,
"seconds": …, "bytes": …}` or `{…, "ok": false, "why": …}`; `at` is when the first byte came, by the monotonic clock
that a machine's programs share.
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


async def fetch(url: str, proxy: str, seconds: float, sha256: str, flowing: float = 0.0) -> dict[str, Any]:
    """GET a URL on a new connection; the result as above, without the event.

    With `flowing` it may go on for so many seconds from the first byte on, however long that took to come.
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
                        if flowing:
                            limit.reschedule(asyncio.get_running_loop().time() + flowing)
                    digest.update(chunk)
                    got += len(chunk)
                    if got > BYTES_MAX:
                        return _failed("too long an answer", got)
                if response.status != 200:
                    return _failed(f"answered {response.status}", got)
    except TimeoutError:
        return _failed("no answer in time" if not got else "too slow", got, time.monotonic() - (first or start))
    except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
        return _failed(_reason(error), got)
    end = time.monotonic()
    if sha256 and digest.hexdigest() != sha256:
        return _failed("other bytes than the site's", got)
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
    """In words of people who know networks, without addresses."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "wrong certificate"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such name"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy said {error.status}"
    text = str(error).lower()
    if "reset" in text or isinstance(error, aiohttp.ServerDisconnectedError):
        return "connection reset"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"


async def _obey() -> None:
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
    run_until_stopped(_obey(), verbose=False)
