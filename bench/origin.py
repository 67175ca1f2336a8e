"""A site that costs next to nothing: `GET /N` answers N bytes, and nothing is parsed but that number.

`python -m bench.origin` listens on a free port of loopback until it is told to end. Threads that block answer sooner
than an event loop would, and what a site takes to answer is no matter of the path to it.
"""

from __future__ import annotations

import array
import asyncio
import re
import socket
import threading
from collections.abc import Iterator

from bench.speaking import serve_until_told, tell

_THREADS = 16
_REQUEST = re.compile(rb"GET /(\d{1,12}) ")
_CHUNK = memoryview(array.array("I", range(1 << 18)).tobytes())
"""Every place differs from its neighbours, so that what is missing, doubled or moved is noticed."""
_FIRST = 1024
_HEAD_MAX = 16_384


async def main() -> None:
    """Answer until cancelled."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    tell({"event": "ready", "port": listener.getsockname()[1]})
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
    goes_on = True
    while goes_on and (head := _read_head(connection)) and (wanted := _REQUEST.match(head)):
        goes_on = b"connection: close" not in head.lower()
        size = int(wanted.group(1))
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
        pieces = body(size)
        connection.sendall(answer.encode() + bytes(next(pieces, b"")))
        for piece in pieces:
            connection.sendall(piece)


def body(size: int) -> Iterator[memoryview]:
    """What is answered for this size, piece by piece; a small one first, which goes along with the head."""
    first = min(size, _FIRST)
    yield _CHUNK[:first]
    for left in range(size - first, 0, -len(_CHUNK)):
        yield _CHUNK[:left]


def _read_head(connection: socket.socket) -> bytes:
    """The next request's head; empty at the end of the connection."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_MAX:
        data = connection.recv(_HEAD_MAX)
        if not data:
            return b""
        head += data
    return head


if __name__ == "__main__":
    serve_until_told(main())
