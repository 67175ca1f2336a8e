"""A fast site: `GET /N` returns N bytes, and nothing but that number is parsed.

`python -m bench.origin` listens on a free port of loopback until it is stopped. Blocking threads answer sooner than an
event loop, and the time that the site takes should not be part of a figure.
"""

from __future__ import annotations

import array
import asyncio
import re
import socket
import threading
from collections.abc import Iterator

from bench.helper_io import emit, run_helper

_THREADS = 16
_REQUEST = re.compile(rb"GET /(\d{1,12}) ")
_CHUNK = memoryview(array.array("I", range(1 << 18)).tobytes())
"""Each position differs from those around it, so that missing, repeated and moved bytes are noticed."""
_FIRST = 1024
_HEAD_MAX = 16_384


async def main() -> None:
    """Serve until cancelled."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    emit({"event": "ready", "port": listener.getsockname()[1]})
    for number in range(_THREADS):
        threading.Thread(target=_serve, args=(listener,), name=f"origin-{number}", daemon=True).start()
    await asyncio.Event().wait()


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                _answer(connection)
            except OSError:
                pass  # the reader has gone


def _answer(connection: socket.socket) -> None:
    keep_alive = True
    while keep_alive and (head := _read_head(connection)) and (wanted := _REQUEST.match(head)):
        keep_alive = b"connection: close" not in head.lower()
        size = int(wanted.group(1))
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
        pieces = body(size)
        connection.sendall(answer.encode() + bytes(next(pieces, b"")))
        for piece in pieces:
            connection.sendall(piece)


def body(size: int) -> Iterator[memoryview]:
    """Yield the body of this size in pieces; the first one is small, and is sent together with the head."""
    first = min(size, _FIRST)
    yield _CHUNK[:first]
    for left in range(size - first, 0, -len(_CHUNK)):
        yield _CHUNK[:left]


def _read_head(connection: socket.socket) -> bytes:
    """Return the head of the next request; empty at the end of the connection."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_MAX:
        data = connection.recv(_HEAD_MAX)
        if not data:
            return b""
        head += data
    return head


if __name__ == "__main__":
    run_helper(main())
