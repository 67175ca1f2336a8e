"""A site that costs next to nothing: `GET /N` answers N bytes, and nothing is parsed but that number.

`python -m bench.origin` listens on a free port of loopback until it is told to end.
"""

from __future__ import annotations

import asyncio
import re
import socket

from bench.speaking import serve_until_told, tell

_REQUEST = re.compile(rb"GET /(\d{1,12}) ")
_CHUNK = memoryview(bytes(range(256)) * 4096)
_HEAD_MAX = 16_384


async def main() -> None:
    """Answer each connection in a task of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.setblocking(False)
    tell({"event": "ready", "port": listener.getsockname()[1]})
    loop = asyncio.get_running_loop()
    answering: set[asyncio.Task[None]] = set()
    while True:
        connection, _ = await loop.sock_accept(listener)
        task = asyncio.create_task(_answer(loop, connection), name="origin-connection")
        answering.add(task)
        task.add_done_callback(answering.discard)


async def _answer(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        try:
            goes_on = True
            while goes_on and (head := await _read_head(loop, connection)) and (wanted := _REQUEST.match(head)):
                goes_on = b"connection: close" not in head.lower()
                size = int(wanted.group(1))
                answer = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
                first = min(size, 1024)
                await loop.sock_sendall(connection, answer.encode() + _CHUNK[:first])
                for left in range(size - first, 0, -len(_CHUNK)):
                    await loop.sock_sendall(connection, _CHUNK[:left])
        except OSError:
            pass  # the reader has gone


async def _read_head(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> bytes:
    """The next request's head; empty at the end of the connection."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_MAX:
        data = await loop.sock_recv(connection, _HEAD_MAX)
        if not data:
            return b""
        head += data
    return head


if __name__ == "__main__":
    serve_until_told(main())
