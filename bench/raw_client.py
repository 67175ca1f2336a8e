"""The other end of the raw pipe: `python -m bench.raw_client URL`; for each line `SIZE` it tells how long that took."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp

from bench.raw import RawSink
from bench.speaking import next_line, serve_until_told, tell
from freespan.client.rendezvous import ask_for_bridge
from freespan.link.datachannel import DataChannelLink
from freespan.wire.limits import CHANNEL_OPEN_SECONDS

_SECONDS = 120.0


async def main(broker: str) -> None:
    """Open a data channel through the broker, as the real client does; then serve the lines."""
    link = DataChannelLink()
    async with aiohttp.ClientSession() as http:
        await link.accept(await ask_for_bridge(http, broker, await link.offer()))
    async with asyncio.timeout(CHANNEL_OPEN_SECONDS):
        await link.opened()
    sink = RawSink(link)
    link.start(sink)
    tell({"event": "ready"})
    while size := await next_line():
        start = time.perf_counter()
        async with asyncio.timeout(_SECONDS):
            await sink.receive(int(size))
        tell({"event": "received", "seconds": time.perf_counter() - start})
    link.close()


if __name__ == "__main__":
    serve_until_told(main(sys.argv[1]))
