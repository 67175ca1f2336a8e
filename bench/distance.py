"""A distance in user space: `python -m bench.distance PORT RTT_MS` forwards TCP connections to a port of loopback.

What is sent arrives half a round trip later, in each direction, and a new connection costs a round trip of its own, as
the handshake of TCP does. Nothing is lost, and there is no limit to the rate.
"""

from __future__ import annotations

import asyncio
import sys

from bench.helper_io import emit, run_helper

_CHUNK = 65_536


async def main(port: str, rtt_ms: str) -> None:
    """Forward until it is stopped."""
    seconds = float(rtt_ms) / 1e3

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", int(port))
        await asyncio.gather(
            _carry(reader, onward_writer, seconds / 2),
            _carry(onward_reader, writer, seconds / 2),
            return_exceptions=True,
        )

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    emit({"event": "ready", "port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, each piece after the delay and so in order."""
    loop = asyncio.get_running_loop()
    try:
        while data := await reader.read(_CHUNK):
            loop.call_later(delay, writer.write, data)
    finally:
        loop.call_later(delay, writer.close)


if __name__ == "__main__":
    run_helper(main(*sys.argv[1:3]))
