"""A site of the attacker's own: it answers without an end, or takes connections and says nothing."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_PIECE = bytes(1 << 16)
_BACKLOG = 4_096


@contextlib.contextmanager
def sink(*, answers: bool) -> Iterator[int]:
    """Run the site in a thread for the length of the block; yields its port on loopback."""
    started: list[int] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(1)
            while answers:
                writer.write(_PIECE)
                await writer.drain()
            await reader.read()
        writer.close()

    async def listen() -> asyncio.Server:
        server = await asyncio.start_server(take, "127.0.0.1", 0, backlog=_BACKLOG)
        started.append(server.sockets[0].getsockname()[1])
        ready.set()
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(listen())
        loop.run_forever()

    thread = threading.Thread(target=run, name="attacker-site", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
