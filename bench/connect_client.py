"""A client that connects repeatedly: `python -m bench.connect_client INVITE ORIGIN_PORT TIMES`.

Each time it uses a new `Client` with a new session, and a local proxy at which a request for a small page waits.
The program's start-up is not included; it has a figure of its own. An event reports the seconds until the first byte of
the page, and their parts.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.download import SMALL
from bench.helper_io import emit, run_helper
from freespan.client.client import Client
from freespan.client.local_proxy.server import LocalProxy
from freespan.client.status import ClientStatus
from freespan.wire.invite import Invite, parse_invite

_SECONDS = 30.0
_PAUSE_SECONDS = 0.1
"""Time for the bridge to notice that the last client has gone."""


async def main(invite: str, origin: str, times: str) -> None:
    """Emit one event for each connection, after a first one that is not counted."""
    emit({"event": "ready"})
    await _connect(parse_invite(invite), int(origin))
    for _ in range(int(times)):
        await asyncio.sleep(_PAUSE_SECONDS)
        seconds, parts = await _connect(parse_invite(invite), int(origin))
        emit({"event": "connected", "seconds": seconds, "parts": parts})


async def _connect(invite: Invite, origin: int) -> tuple[float, dict[str, float]]:
    """Return the seconds from asking for a bridge to the first byte of a page, and their parts."""
    parts: dict[str, float] = {}

    def add_parts(status: ClientStatus) -> None:
        if status.state not in ("looking", "connecting", "open"):
            raise RuntimeError(f"no session: {status.state}, {status.detail}")
        parts.update(status.seconds)

    client = Client(invite, add_parts)
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
    run_helper(main(*sys.argv[1:4]))
