"""Bridges that come and go: `python -m bench.flood.changing_bridges URL COUNT`.

It runs so many real bridges in one process. For each line the oldest one leaves and a new one comes.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque

from bench.helper_io import emit, next_line, run_helper
from freespan.bridge.bridge import Bridge, BridgeStatus

_CAPACITY = 8
_WAITING_SECONDS = 20.0


async def main(url: str, count: str) -> None:
    """Run the bridges, and handle the lines."""
    running = deque([await _started(url) for _ in range(int(count))])
    emit({"event": "ready"})
    while await next_line():
        running.append(await _started(url))
        oldest = running.popleft()
        oldest.cancel()
        await asyncio.gather(oldest, return_exceptions=True)
        emit({"event": "changed"})


async def _started(url: str) -> asyncio.Task[None]:
    """Start a bridge; it waits for readers when this returns."""
    waits = asyncio.Event()

    def on_status(status: BridgeStatus) -> None:
        if status.state == "waiting":
            waits.set()

    task = asyncio.create_task(Bridge(url, _CAPACITY, on_status).run(), name="soak-bridge")
    async with asyncio.timeout(_WAITING_SECONDS):
        await waits.wait()
    return task


if __name__ == "__main__":
    run_helper(main(*sys.argv[1:3]))
