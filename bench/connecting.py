"""A client that connects again and again: `python -m bench.connecting INVITE ORIGIN_PORT TIMES`.

Each time it is a new `Client` with a new session, and a local proxy at which a request for a small page waits already.
Only the program's start-up is left out, which has a figure of its own. It tells the seconds until the page's first
byte, and their parts.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.download import SMALL
from bench.speaking import serve_until_told, tell
from freespan.client.client import Client, ClientStatus
from freespan.client.local_proxy.server import LocalProxy
from freespan.wire.invite import Invite, parse_invite

_SECONDS = 30.0
_PAUSE_SECONDS = 0.1
"""For the bridge to notice that the last client has gone."""


async def main(invite: str, origin: str, times: str) -> None:
    """Tell one event for each time; one more before them does not count."""
    tell({"event": "ready"})
    await _connect(parse_invite(invite), int(origin))
    for _ in range(int(times)):
        await asyncio.sleep(_PAUSE_SECONDS)
        seconds, parts = await _connect(parse_invite(invite), int(origin))
        tell({"event": "connected", "seconds": seconds, "parts": parts})


async def _connect(invite: Invite, origin: int) -> tuple[float, dict[str, float]]:
    """Seconds from asking for a bridge to the first byte of a page, in all and in parts."""
    parts: dict[str, float] = {}

    def note(status: ClientStatus) -> None:
        if status.state not in ("looking", "connecting", "open"):
            raise RuntimeError(f"no session: {status.state}, {status.detail}")
        parts.update(status.seconds)

    client = Client(invite, note)
    proxy = LocalProxy(client)
    reader, writer = await asyncio.open_connection("127.0.0.1", await proxy.start(0))
    writer.write(f"GET http://127.0.0.1:{origin}/{SMALL} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    start = time.perf_counter()
    running = asyncio.create_task(client.run(), name="connecting-client")
    try:
        async with asyncio.timeout(_SECONDS):
            reading = asyncio.create_task(reader.readexactly(12), name="connecting-read")
            await asyncio.wait({running, reading}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            first = await reading
        seconds = time.perf_counter() - start
        if first != b"HTTP/1.1 200":
            raise RuntimeError(f"the page's answer began with {first!r}")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        writer.close()
        await proxy.stop()
    return seconds, parts | {"request": seconds - sum(parts.values())}


if __name__ == "__main__":
    serve_until_told(main(*sys.argv[1:4]))
