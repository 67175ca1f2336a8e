"""Loads a page of many small objects as browsers do: over six connections, each of which is kept for the next object.

All functions block: call them with `asyncio.to_thread`.
"""

from __future__ import annotations

import queue
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Literal

CONNECTIONS = 6
"""What browsers open to one site over HTTP/1.1."""
OBJECTS = 200
SIZE = 2_000
"""Of each object, in bytes."""
Way = Literal["direct", "http", "socks5"]

_SECONDS = 60.0
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_CLOSES = re.compile(rb"(?i)\r\nconnection: *close|\AHTTP/1\.0 ")
_GREETING = b"\x05\x01\x00"


class PageError(Exception):
    """An object did not arrive as it should."""


class _ClosedError(PageError):
    """The connection was closed before the first byte of a response."""


@dataclass(frozen=True)
class Route:
    """How the objects are asked for."""

    way: Way
    port: int
    """Of loopback: where to connect, the proxy's or that of the site."""
    site: int
    """Port of the site for whoever connects to it at last."""


def load_s(route: Route) -> float:
    """Return the seconds in which the whole page arrives."""
    left: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(OBJECTS):
        left.put(number)
    errors: list[Exception] = []
    threads = [threading.Thread(target=_work, args=(route, left, errors)) for _ in range(CONNECTIONS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if errors:
        raise PageError(f"{route.way}: {errors[0]!r}")
    return seconds


def _work(route: Route, left: queue.SimpleQueue[int], errors: list[Exception]) -> None:
    """Ask for one object after another, over a new connection only where the last one was closed."""
    connection: socket.socket | None = None
    try:
        while not errors:
            try:
                left.get_nowait()
            except queue.Empty:
                break
            try:
                is_kept = _fetch(route, connection) if connection else None
            except _ClosedError:  # after its last response, without a word: browsers ask again
                is_kept = None
            if is_kept is None:
                if connection:
                    connection.close()
                connection = _connect(route)
                is_kept = _fetch(route, connection)
            if not is_kept and connection:
                connection.close()
                connection = None
    except (OSError, PageError) as error:
        errors.append(error)
    finally:
        if connection:
            connection.close()


def _connect(route: Route) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", route.port), _SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if route.way == "socks5":
        connection.sendall(_GREETING)
        _exactly(connection, 2)
        connection.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + route.site.to_bytes(2, "big"))
        if _exactly(connection, 10)[1] != 0:
            raise PageError("the proxy refused")
    return connection


def _fetch(route: Route, connection: socket.socket) -> bool:
    """Fetch an object; returns whether the connection is kept."""
    site = f"127.0.0.1:{route.site}"
    target = f"http://{site}/{SIZE}" if route.way == "http" else f"/{SIZE}"
    try:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {site}\r\n\r\n".encode())
        received = connection.recv(65_536)
    except (BrokenPipeError, ConnectionResetError):
        received = b""
    if not received:
        raise _ClosedError("the connection was closed")
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _some(connection)
    head = received[:end]
    length = _LENGTH.search(head)
    if not re.match(rb"HTTP/1\.[01] 200 ", head) or length is None or int(length[1]) != SIZE:
        raise PageError(f"the response began with {head[:60]!r}")
    missing = end + 4 + SIZE - len(received)
    _exactly(connection, missing)
    return not _CLOSES.search(head)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += _some(connection, size - len(data))
    return data


def _some(connection: socket.socket, size: int = 65_536) -> bytes:
    data = connection.recv(size)
    if not data:
        raise PageError("the connection ended too early")
    return data
